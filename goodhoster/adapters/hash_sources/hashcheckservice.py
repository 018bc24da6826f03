"""The HashCheckService of police and hotline, and servers with the same protocol.

See docs/how-to-hash-sources.md. `POST {url}/{algorithm}`, HTTP Basic, the body one bare lower-case hexadecimal digest
(or PhotoDNA, where a licensed library takes one); the answer is `true` or `false`. One a request, so the rate comes
from many requests at once: one event loop in one thread carries more than a synchronous client with as many threads
(benchmarks/p4_checks.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from goodhoster.adapters.hash_sources.answers import MAX_BYTES, read_answer
from goodhoster.adapters.hash_sources.client import Counterpart, HashServiceClient, HashServiceRequest
from goodhoster.adapters.hash_sources.proxies import basic_auth
from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.errors import UncheckedError
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match

_TRIAL = b"goodhoster trial question"
"""What `probe` asks about: the digest of this text, which is no picture."""

_By = tuple[Algorithm | FingerprintKind, bytes]


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The service to ask, the account and the time limits."""

    url: str
    """Up to and including `/check`; the algorithm is added."""
    username: str
    password: str = field(repr=False)
    name: str = "hashcheckservice"
    algorithms: tuple[Algorithm | FingerprintKind, ...] = (Algorithm.SHA1,)
    """Every one is asked, so each costs a request; a match by any is a match. At least one is a digest."""
    deadline: float = 5.0
    """Seconds for one look-up with all in it: a free connection, DNS, TLS, every algorithm, every byte."""
    parallel: int = 64
    """Most requests, and so connections, at once."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""


class HashCheckService:
    """HashSource over the network."""

    local = False

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        url = settings.url.rstrip("/")
        # Both addresses are asked by one client, whose URL is what they share.
        self._check = "/check" if url.endswith("/check") else ""
        self._client = HashServiceClient(
            Counterpart(
                name=settings.name,
                url=url.removesuffix("/check"),
                authorization=basic_auth(settings.username, settings.password),
                deadline=settings.deadline,
                parallel=settings.parallel,
                ca_file=settings.ca_file,
            )
        )

    @property
    def name(self) -> str:
        """The name from the settings."""
        return self._settings.name

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """Ask by every algorithm that is set and was taken.

        A picture without a PhotoDNA has no match by it.
        """
        asked = [by for algorithm in self._settings.algorithms for by in _taken(question, algorithm)]
        matches = self._client.run(partial(self._ask_all, self._check, asked)) if asked else ()
        if not matches and (not asked or self._is_left_out(question)):
            raise UncheckedError(
                f"{self.name} is asked by {', '.join(self._settings.algorithms)} only",
                reason=Reason.NOT_ASKABLE,
                hint="Add the algorithm to this source's `algorithms`.",
            )
        return matches

    def probe(self) -> None:
        """Ask the test address of the service (`…/test/check`).

        Nothing is counted as a check there.
        """
        algorithm = next(each for each in self._settings.algorithms if isinstance(each, Algorithm))
        digest = hashlib.new(algorithm, _TRIAL, usedforsecurity=False).digest()
        self._client.run(partial(self._ask_all, "/test/check", [(algorithm, digest)]))

    def close(self) -> None:
        """Close the connections; questions in progress end as unavailable (`closed`)."""
        self._client.close()

    def _is_left_out(self, question: Question) -> bool:
        """Return whether a hash that the service is asked by was not taken of this content."""
        return FingerprintKind.PHOTODNA in self._settings.algorithms and question.lacks(FingerprintKind.PHOTODNA)

    async def _ask_all(self, path: str, asked: Sequence[_By]) -> tuple[Match, ...]:
        known = [algorithm for algorithm, value in asked if await self._ask(path, algorithm, value)]
        return tuple(Match(source=self.name, algorithm=algorithm) for algorithm in dict.fromkeys(known))

    async def _ask(self, path: str, algorithm: Algorithm | FingerprintKind, value: bytes) -> bool:
        # The content type is that of the hotline's own client (SCART).
        request = HashServiceRequest(
            "POST",
            f"{path}/{algorithm}",
            MAX_BYTES,
            value.hex().encode("ascii"),
            "application/x-www-form-urlencoded",
        )
        return read_answer(await self._client.ask(request), source=self.name, now=datetime.now(UTC))


def _taken(question: Question, algorithm: Algorithm | FingerprintKind) -> Iterator[_By]:
    """The values to ask about a content by one algorithm.

    Its digest, or the fingerprints of its pictures, without duplicates.
    """
    if isinstance(algorithm, FingerprintKind):
        values = dict.fromkeys(fingerprint.value for fingerprint in question.matchable(algorithm))
        yield from ((algorithm, value) for value in values)
    elif question.digests.has(algorithm):
        yield algorithm, question.digests.of(algorithm).value
