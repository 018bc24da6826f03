"""The kinds of [[hash_source]]: the settings of each, and how to build it from them.

Registered in the entry-point group `goodhoster.hash_sources`, as anybody else's would be. A kind imports its client
when it is built: a host that asks its own lists alone carries none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from goodhoster.adapters.hash_sources.circuit_breaker import CircuitBreaker, Pauses
from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.nearest import FARTHEST
from goodhoster.adapters.hash_sources.own_lists import OwnListCollection, OwnLists
from goodhoster.adapters.hash_sources.proxies import basic_auth
from goodhoster.adapters.hash_sources.retrying import Retrying, RetryPolicy
from goodhoster.errors import ConfigurationError
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category
from goodhoster.ports import Clock, HashSource, ObservedSource
from goodhoster.settings import duration, one_of, path, read_secret, setting, text, texts, whole, words, yes_or_no

_ATTEMPTS = 2
SIGNAL_TYPES: Mapping[str, Algorithm | FingerprintKind] = {"pdq": FingerprintKind.PDQ, "video_md5": Algorithm.MD5}
"""What HMA can be asked by."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Objects that every kind may use."""

    collection: OwnListCollection
    clock: Clock


@dataclass(frozen=True, slots=True)
class HashCheckServiceKind:
    """The HashCheckService of police and hotline, or a server with the same protocol."""

    kind: str = setting(one_of("hashcheckservice"), "Which kind of source this is.", example='"hashcheckservice"')
    url: str = setting(text, "Address up to and including /check.", example='"https://api.eokmhashdb.nl/v1/check"')
    username: str = setting(text, "Account at the service.", example='"example"')
    password_file: Path = setting(
        path, "File with the password (or the name of a systemd credential).", example='"hashservice.password"'
    )
    algorithms: tuple[str, ...] = setting(
        words("sha1", "md5", "sha256", "photodna"),
        "What to ask by; each costs a request. photodna needs a licensed library ([hashing]), and a digest beside it.",
        default=("sha1",),
    )
    name: str = setting(text, "Name of this source in matches and figures.", default="hashcheckservice")
    deadline: float = setting(duration, "One check ends within this time, with all its tries.", default=10.0)
    parallel: int = setting(whole(1, 1024), "Most questions at the same time.", default=64)
    ca_file: Path | None = setting(
        path, "Certificates to trust instead of the system's.", default=None, example='"ca.pem"'
    )

    def build(self, around: Surroundings) -> ObservedSource:
        """Build the source with its wrappers.

        ConfigurationError when it is not to be asked by any digest.
        """
        if self.algorithms == (FingerprintKind.PHOTODNA,):
            raise ConfigurationError(
                f"hash source {self.name}: algorithms: a video has no photodna", hint='add a digest, such as "sha1"'
            )
        from goodhoster.adapters.hash_sources.hashcheckservice import HashCheckService, ServiceSettings  # noqa: PLC0415

        service = HashCheckService(
            ServiceSettings(
                url=self.url,
                username=self.username,
                password=read_secret(self.password_file, f"password of {self.name}"),
                name=self.name,
                algorithms=tuple(map(_algorithm, self.algorithms)),
                deadline=self.deadline / _ATTEMPTS,
                parallel=self.parallel,
                ca_file=self.ca_file,
            )
        )
        return _guarded(service, self.deadline, around)


def _algorithm(name: str) -> Algorithm | FingerprintKind:
    return FingerprintKind.PHOTODNA if name == FingerprintKind.PHOTODNA else Algorithm(name)


@dataclass(frozen=True, slots=True)
class HmaKind:
    """A hasher-matcher-actioner (HMA) of your own or of an organisation; only hashes are sent."""

    kind: str = setting(one_of("hma"), "Which kind of source this is.", example='"hma"')
    url: str = setting(text, "Address up to but without /m/lookup.", example='"https://hma.example.org"')
    name: str = setting(text, "Name of this source in matches and figures.", default="hma")
    token_file: Path | None = setting(
        path,
        "File with a bearer token (or the name of a systemd credential), where a gateway before HMA wants one.",
        default=None,
        example='"hma.token"',
    )
    signal_types: tuple[str, ...] = setting(
        words(*SIGNAL_TYPES), "What to ask by; each costs a request. video_md5 is asked with any MD5.", default=("pdq",)
    )
    lookup: str = setting(
        one_of("lookup", "raw_lookup"),
        "lookup asks which banks know it; raw_lookup asks the whole index, disabled entries included.",
        default="lookup",
    )
    categories: tuple[str, ...] = setting(
        texts, 'Categories of banks, such as "NCMEC_BANK=baseline"; those of others are unspecified.', default=()
    )
    turned: bool = setting(
        yes_or_no, "Ask by the mirrored and turned picture too: eight requests instead of one.", default=False
    )
    pdq_within: int = setting(
        whole(0, FARTHEST, "bits"), "Pictures further apart than this are not a near match.", default=FARTHEST
    )
    deadline: float = setting(duration, "One check ends within this time, with all its tries.", default=10.0)
    parallel: int = setting(whole(1, 1024), "Most requests at the same time.", default=64)
    ca_file: Path | None = setting(
        path, "Certificates to trust instead of the system's.", default=None, example='"ca.pem"'
    )

    @property
    def takes_digests(self) -> bool:
        """Whether it can be asked by an exact digest."""
        return any(isinstance(SIGNAL_TYPES[name], Algorithm) for name in self.signal_types)

    def build(self, around: Surroundings) -> ObservedSource:
        """Build the source with its wrappers.

        ConfigurationError for an unknown bank or category.
        """
        from goodhoster.adapters.hash_sources.client import Counterpart  # noqa: PLC0415
        from goodhoster.adapters.hash_sources.hma import Hma, HmaSettings  # noqa: PLC0415

        token = f"Bearer {read_secret(self.token_file, f'token of {self.name}')}" if self.token_file else ""
        settings = HmaSettings(
            Counterpart(self.name, self.url, token, self.deadline / _ATTEMPTS, self.parallel, self.ca_file),
            signal_types=self.signal_types,
            raw=self.lookup == "raw_lookup",
            turned=self.turned,
            categories=dict(map(self._category, self.categories)),
            within=self.pdq_within,
        )
        return _guarded(Hma(settings), self.deadline, around)

    def _category(self, written: str) -> tuple[str, Category]:
        bank, _, name = written.partition("=")
        if not bank or name not in set(Category):
            hint = "write BANK=CATEGORY with one of " + ", ".join(Category)
            raise ConfigurationError(f"hash source {self.name}: categories: {written!r} cannot be used", hint=hint)
        return bank, Category(name)


@dataclass(frozen=True, slots=True)
class ArachnidShieldKind:
    """Arachnid Shield (Canadian Centre for Child Protection); only PDQ fingerprints are sent.

    Never a picture.
    """

    takes_digests: ClassVar[bool] = False

    kind: str = setting(one_of("arachnid"), "Which kind of source this is.", example='"arachnid"')
    username: str = setting(text, "Account at the service.", example='"example"')
    password_file: Path = setting(
        path, "File with the password (or the name of a systemd credential).", example='"arachnid.password"'
    )
    url: str = setting(text, "Address of the service.", default="https://shield.projectarachnid.com")
    name: str = setting(text, "Name of this source in matches and figures.", default="arachnid")
    deadline: float = setting(duration, "One check ends within this time, with all its tries.", default=10.0)
    parallel: int = setting(whole(1, 1024), "Most requests at the same time.", default=16)
    ca_file: Path | None = setting(
        path, "Certificates to trust instead of the system's.", default=None, example='"ca.pem"'
    )

    def build(self, around: Surroundings) -> ObservedSource:
        """Build the source with its wrappers."""
        from goodhoster.adapters.hash_sources.arachnid import ArachnidShield  # noqa: PLC0415
        from goodhoster.adapters.hash_sources.client import Counterpart  # noqa: PLC0415

        password = read_secret(self.password_file, f"password of {self.name}")
        account = basic_auth(self.username, password)
        counterpart = Counterpart(self.name, self.url, account, self.deadline / _ATTEMPTS, self.parallel, self.ca_file)
        return _guarded(ArachnidShield(counterpart), self.deadline, around)


def _guarded(service: HashSource, deadline: float, around: Surroundings) -> ObservedSource:
    """counted(breaker(retrying(service))); the service itself keeps the deadline of one attempt."""
    attempt = deadline / _ATTEMPTS
    retry_policy = RetryPolicy(attempts=_ATTEMPTS, total=deadline, attempt=attempt)
    breaker = CircuitBreaker(Retrying(service, retry_policy), Pauses(longest_retry_after=deadline - attempt))
    return CountedSource(breaker, around.clock, rest=breaker.rest)


def owners_by_list(value: object) -> tuple[str, ...]:
    """Mail addresses by the name of a list."""
    if isinstance(value, list) and all(isinstance(one, str) and _OWNER.fullmatch(one) for one in value):
        return tuple(value)
    raise ValueError('a list such as ["police=lists@police.example"]')


_OWNER = re.compile(r"[A-Za-z0-9._-]+=[^\s=]+@[^\s=]+")


@dataclass(frozen=True, slots=True)
class ListKind:
    """The lists on this host, imported with `goodhoster hashlist import`."""

    kind: str = setting(one_of("list"), "Which kind of source this is.", example='"list"')
    pdq_within: int = setting(
        whole(0, FARTHEST, "bits"),
        "Pictures whose PDQ is further from an entry's are not a near match.",
        default=FARTHEST,
    )
    phash_within: int = setting(
        whole(0, 16, "bits"), "The same for entries that are pHash; unrelated pictures come within a few.", default=6
    )
    owners: tuple[str, ...] = setting(
        owners_by_list,
        'Owners of single lists, such as "police=lists@police.example"; `owner` is that of the others.',
        default=(),
    )

    @property
    def within(self) -> Mapping[FingerprintKind, int]:
        """Bits that may differ, by kind."""
        return {FingerprintKind.PDQ: self.pdq_within, FingerprintKind.PHASH: self.phash_within}

    def build(self, around: Surroundings) -> ObservedSource:
        """Build the source, counted."""
        source: HashSource = OwnLists(around.collection, self.within)
        return CountedSource(source, around.clock)
