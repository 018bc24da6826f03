"""The kinds of [[hash_source]]: what each is set with, and how it is made from that.

Registered in the entry-point group `goodhoster.hash_sources`, as anybody else's would be.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.adapters.hashsources.breaker import Breaker, Pauses
from goodhoster.adapters.hashsources.counted import Counted
from goodhoster.adapters.hashsources.hashcheckservice import HashCheckService, ServiceSettings
from goodhoster.adapters.hashsources.ownlists import OwnLists, Shelf
from goodhoster.adapters.hashsources.retrying import Patience, Retrying
from goodhoster.model.digests import Algorithm
from goodhoster.ports import Clock, HashSource, ObservedSource
from goodhoster.settings import duration, one_of, path, read_secret, setting, text, whole, words

_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every kind may use."""

    shelf: Shelf
    clock: Clock


@dataclass(frozen=True, slots=True)
class HashCheckServiceKind:
    """The HashCheckService of police and hotline, or a server that speaks like it."""

    kind: str = setting(one_of("hashcheckservice"), "Which kind of source this is.", example='"hashcheckservice"')
    url: str = setting(text, "Address up to and including /check.", example='"https://api.eokmhashdb.nl/v1/check"')
    username: str = setting(text, "Account at the service.", example='"example"')
    password_file: Path = setting(
        path, "File with the password (or the name of a systemd credential).", example='"hashservice.password"'
    )
    algorithms: tuple[str, ...] = setting(
        words("sha1", "md5", "sha256"), "Digests to ask by; each costs a request.", default=("sha1",)
    )
    name: str = setting(text, "How matches and figures call this source.", default="hashcheckservice")
    deadline: float = setting(duration, "One check ends within this time, with all its tries.", default=10.0)
    parallel: int = setting(whole(1, 1024), "Most questions at the same time.", default=64)
    ca_file: Path | None = setting(
        path, "Certificates to trust instead of the system's.", default=None, example='"ca.pem"'
    )

    def build(self, around: Surroundings) -> ObservedSource:
        """The source in its wrapping: counted(breaker(retrying(service)))."""
        attempt = self.deadline / _ATTEMPTS
        service = HashCheckService(
            ServiceSettings(
                url=self.url,
                username=self.username,
                password=read_secret(self.password_file, f"password of {self.name}"),
                name=self.name,
                algorithms=tuple(map(Algorithm, self.algorithms)),
                deadline=attempt,
                parallel=self.parallel,
                ca_file=self.ca_file,
            )
        )
        patience = Patience(attempts=_ATTEMPTS, total=self.deadline, attempt=attempt)
        breaker = Breaker(Retrying(service, patience), Pauses(patience=self.deadline - attempt))
        return Counted(breaker, around.clock, rest=breaker.rest)


@dataclass(frozen=True, slots=True)
class ListKind:
    """The lists on this host that `goodhoster hashlist import` filled."""

    kind: str = setting(one_of("list"), "Which kind of source this is.", example='"list"')

    def build(self, around: Surroundings) -> ObservedSource:
        """The source, counted."""
        source: HashSource = OwnLists(around.shelf)
        return Counted(source, around.clock)
