"""The HashCheckService of police and hotline (docs/how-to-hash-sources.md), and servers that speak like it.

`POST {url}/{algorithm}`, HTTP Basic, the body one bare lower-case hexadecimal digest; the answer is `true` or
`false`. One digest a request, so the rate comes from many requests at once: one event loop in one thread
carries more than a synchronous client with as many threads (benchmarks/p4_checks.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from goodhoster.adapters.hashsources.answers import ENOUGH, read_answer
from goodhoster.adapters.hashsources.client import Client, Counterpart, Request
from goodhoster.adapters.hashsources.proxies import basic_auth
from goodhoster.adapters.hashsources.reasons import Reason
from goodhoster.errors import UncheckedError
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match

_TRIAL = b"goodhoster trial question"
"""What `probe` asks about: the digest of this text, which is no picture."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Whom to ask, as whom, and how patiently."""

    url: str
    """Up to and including `/check`; the algorithm is added."""
    username: str
    password: str = field(repr=False)
    name: str = "hashcheckservice"
    algorithms: tuple[Algorithm, ...] = (Algorithm.SHA1,)
    """Every one is asked, so each costs a request; a match by any is a match."""
    deadline: float = 5.0
    """Seconds for one look-up with all in it: a free connection, DNS, TLS, every algorithm, every byte."""
    parallel: int = 64
    """Most requests, and so connections, at once."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""


class HashCheckService:
    """HashSource over the wire."""

    local = False

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        url = settings.url.rstrip("/")
        # Both addresses are asked by one client, whose URL is what they share.
        self._check = "/check" if url.endswith("/check") else ""
        self._client = Client(
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
        """As set."""
        return self._settings.name

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """Ask by every algorithm that is set and was taken."""
        digests = question.digests
        asked = [digests.of(algorithm) for algorithm in self._settings.algorithms if digests.has(algorithm)]
        if not asked:
            raise UncheckedError(
                f"{self.name} is asked by {', '.join(self._settings.algorithms)} only",
                reason=Reason.NOT_ASKABLE,
                hint="Add the algorithm to this source's `algorithms`.",
            )
        return self._client.run(partial(self._ask_all, self._check, asked))

    def probe(self) -> None:
        """Ask the trial address of the service (`…/test/check`), where nothing is counted as a check."""
        algorithm = self._settings.algorithms[0]
        digest = Digest(algorithm, hashlib.new(algorithm, _TRIAL, usedforsecurity=False).digest())
        self._client.run(partial(self._ask_all, "/test/check", [digest]))

    def close(self) -> None:
        """Drop the connections; questions under way end as unavailable (`closed`)."""
        self._client.close()

    async def _ask_all(self, path: str, asked: Sequence[Digest]) -> tuple[Match, ...]:
        return tuple([self._match(digest) for digest in asked if await self._ask(path, digest)])

    def _match(self, digest: Digest) -> Match:
        return Match(source=self.name, algorithm=digest.algorithm)

    async def _ask(self, path: str, digest: Digest) -> bool:
        # The content type is that of the hotline's own client (SCART).
        request = Request(
            "POST",
            f"{path}/{digest.algorithm}",
            ENOUGH,
            digest.hex.encode("ascii"),
            "application/x-www-form-urlencoded",
        )
        return read_answer(await self._client.ask(request), source=self.name, now=datetime.now(UTC))
