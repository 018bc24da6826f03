"""The HashCheckService of police and hotline (docs/how-to-hash-service.md), and servers that speak like it.

`POST {url}/{algorithm}`, HTTP Basic, the body one bare lower-case hexadecimal digest; the answer is `true` or
`false`. One digest a request, so the rate comes from many requests at once: one event loop in one thread
carries more than a synchronous client with as many threads (benchmarks/p4_checks.py).
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict

from goodhoster.adapters.hashsources.answers import ENOUGH, Reply, read_answer
from goodhoster.adapters.hashsources.eventloop import LoopThread
from goodhoster.adapters.hashsources.proxies import basic_auth, proxy_for
from goodhoster.adapters.hashsources.reasons import Reason
from goodhoster.adapters.hashsources.transport import FOREIGN, unavailable
from goodhoster.errors import ConfigurationError, SourceUnavailableError, UncheckedError
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
    """HashSource over the wire. TLS is verified, no redirect followed, the environment's proxy used."""

    local = False

    def __init__(self, settings: ServiceSettings) -> None:
        parts = urlsplit(settings.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(
                f"{settings.url!r} is not the URL of a hash service",
                hint='Set url to something like "https://api.eokmhashdb.nl/v1/check".',
            )
        self._settings = settings
        self._url = settings.url.rstrip("/")
        self._proxy = proxy_for(self._url)
        self._headers = CIMultiDict(_headers(settings), **self._proxy.request_headers)
        tls = _trust(settings.ca_file)
        self._loop = LoopThread(f"hash source {settings.name}")
        self._session = self._loop.run(partial(_open_session, settings, tls))

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
        return self._run(self._url, asked)

    def probe(self) -> None:
        """Ask the trial address of the service (`…/test/check`), where nothing is counted as a check."""
        algorithm = self._settings.algorithms[0]
        digest = Digest(algorithm, hashlib.new(algorithm, _TRIAL, usedforsecurity=False).digest())
        self._run(self._url.removesuffix("/check") + "/test/check", [digest])

    def close(self) -> None:
        """Drop the connections; questions under way end as unavailable (`closed`)."""
        self._loop.close(self._session.close)

    def _run(self, url: str, asked: Sequence[Digest]) -> tuple[Match, ...]:
        try:
            return self._loop.run(partial(self._ask_all, url, asked))
        except CancelledError:
            raise SourceUnavailableError(f"{self.name} is closed", reason=Reason.CLOSED) from None

    async def _ask_all(self, url: str, asked: Sequence[Digest]) -> tuple[Match, ...]:
        try:
            async with asyncio.timeout(self._settings.deadline):
                return tuple([self._match(digest) for digest in asked if await self._ask(url, digest)])
        except TimeoutError as error:
            words = f"{self.name} gave no whole answer in {self._settings.deadline:g} s"
            raise SourceUnavailableError(words, reason=Reason.TIMEOUT) from error
        except FOREIGN as error:
            raise unavailable(self.name, error) from error

    def _match(self, digest: Digest) -> Match:
        return Match(source=self.name, algorithm=digest.algorithm)

    async def _ask(self, url: str, digest: Digest) -> bool:
        async with self._session.post(
            f"{url}/{digest.algorithm}",
            data=digest.hex.encode("ascii"),
            headers=self._headers,
            proxy=self._proxy.url,
            proxy_headers=self._proxy.tunnel_headers,
            allow_redirects=False,
        ) as response:
            reply = Reply(response.status, await _first_bytes(response), response.headers.get("Retry-After", ""))
        return read_answer(reply, source=self.name, now=datetime.now(UTC))


async def _first_bytes(response: aiohttp.ClientResponse) -> bytes:
    """Never more than decides: what sends more gives no answer, and its connection is dropped."""
    body = b""
    while len(body) < ENOUGH and (more := await response.content.read(ENOUGH - len(body))):
        body += more
    return body


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """The system's trust store, or the given certificates instead; host names are checked either way."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(f"cannot read the certificates in {ca_file}: {error}") from error


async def _open_session(settings: ServiceSettings, tls: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=settings.parallel, ssl=tls),
        timeout=aiohttp.ClientTimeout(total=None),  # the deadline of a look-up covers it all
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )


def _headers(settings: ServiceSettings) -> dict[str, str]:
    """Given with each request: aiohttp sends a session's own headers, so the password, to the proxy too."""
    return {
        "Authorization": basic_auth(settings.username, settings.password),
        "Accept-Encoding": "identity",
        "Content-Type": "application/x-www-form-urlencoded",  # as the hotline's own client (SCART)
        "User-Agent": "goodhoster",
    }
