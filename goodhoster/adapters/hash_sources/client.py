"""An HTTP client for synchronous callers in many threads.

One event loop in one thread, a pool of connections. TLS is verified, no redirect followed, the environment's proxy
used, and no more of a reply is read than decides.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict

from goodhoster.adapters.hash_sources.answers import HashServiceReply
from goodhoster.adapters.hash_sources.event_loop import LoopThread
from goodhoster.adapters.hash_sources.proxies import proxy_for
from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.adapters.hash_sources.transport import FOREIGN, unavailable
from goodhoster.errors import ConfigurationError, SourceUnavailableError

Result = TypeVar("Result")
_READ = 1 << 14


@dataclass(frozen=True, slots=True)
class Counterpart:
    """The service to ask, with its time limits."""

    name: str
    """What errors call it."""
    url: str
    """Its address, which requests add to."""
    authorization: str = field(default="", repr=False)
    """The header of that name, for the counterpart and never for a proxy; empty: none is sent."""
    deadline: float = 5.0
    """Seconds for one `run` with all in it: a free connection, DNS, TLS, every request, every byte."""
    parallel: int = 64
    """Most requests, and so connections, at once."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""


@dataclass(frozen=True, slots=True)
class HashServiceRequest:
    """A request to send."""

    method: str
    path: str
    """What follows the counterpart's URL."""
    max_bytes: int
    """Bytes of the reply's body that decide: what sends more is cut off."""
    body: bytes = b""
    content_type: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


class HashServiceClient:
    """A client for one service; its thread starts with the first question, see `LoopThread`.

    ConfigurationError for a URL that cannot be asked.
    """

    def __init__(self, counterpart: Counterpart) -> None:
        if not _askable(counterpart.url):
            raise ConfigurationError(
                f"{counterpart.url!r} is not the URL of a hash service",
                hint='Set url to something like "https://hashes.example/v1/check".',
            )
        self._counterpart = counterpart
        self._url = counterpart.url.rstrip("/")
        self._proxy = proxy_for(self._url)
        self._headers = CIMultiDict(_headers(counterpart), **self._proxy.request_headers)
        self._tls = _trust(counterpart.ca_file)
        self._loop = LoopThread(f"hash source {counterpart.name}")
        self._opened: aiohttp.ClientSession | None = None

    def run(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Wait for what the work returns or raises.

        SourceUnavailableError for any network error.
        """
        try:
            return self._loop.run(partial(self._within_deadline, work))
        except CancelledError:
            raise SourceUnavailableError(f"{self._counterpart.name} is closed", reason=Reason.CLOSED) from None

    async def _within_deadline(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        try:
            async with asyncio.timeout(self._counterpart.deadline):
                return await work()
        except TimeoutError as error:
            words = f"{self._counterpart.name} gave no complete answer in {self._counterpart.deadline:g} s"
            raise SourceUnavailableError(words, reason=Reason.TIMEOUT) from error
        except FOREIGN as error:
            raise unavailable(self._counterpart.name, error) from error

    async def ask(self, request: HashServiceRequest) -> HashServiceReply:
        """Send one request; only within `run`."""
        typed = {"Content-Type": request.content_type} if request.content_type else {}
        async with self._session().request(
            request.method,
            self._url + request.path,
            params=request.query,
            data=request.body,
            headers=CIMultiDict(self._headers, **typed),
            proxy=self._proxy.url,
            proxy_headers=self._proxy.tunnel_headers,
            allow_redirects=False,
        ) as response:
            # No encoding was asked for: an encoded body is not read, whatever its bytes look like.
            plain = response.headers.get("Content-Encoding", "identity") == "identity"
            body = await _first_bytes(response, request.max_bytes) if plain else b""
            return HashServiceReply(response.status, body, response.headers.get("Retry-After", ""))

    def close(self) -> None:
        """Close the connections. May be called twice.

        Questions in progress end as unavailable (`closed`).
        """
        self._loop.close(self._close)

    def _session(self) -> aiohttp.ClientSession:
        """The HTTP session; only within the loop."""
        if self._opened is None:
            self._opened = _new_session(self._counterpart, self._tls)
        return self._opened

    async def _close(self) -> None:
        if self._opened is not None:
            await self._opened.close()


async def _first_bytes(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The first bytes of a reply, no more than decide.

    A longer reply is no answer, and its connection is dropped.
    """
    body = bytearray()
    while len(body) < max_bytes and (more := await response.content.read(min(_READ, max_bytes - len(body)))):
        body += more
    return bytes(body)


def _askable(url: str) -> bool:
    """Return whether paths can be added to this URL.

    Not to one with a query; and an account in it would be disclosed wherever the URL is shown.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # odd brackets, or a port that is none
        return False
    plain = not (parts.username or parts.query or parts.fragment or port == 0)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and url.isprintable() and " " not in url


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """TLS settings with the system's trust store, or with the given certificates instead.

    Host names are checked either way.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(f"cannot read the certificates in {ca_file}: {error}") from error


def _new_session(counterpart: Counterpart, tls: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=counterpart.parallel, ssl=tls),
        timeout=aiohttp.ClientTimeout(total=None),  # the deadline of a run covers it all
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )


def _headers(counterpart: Counterpart) -> dict[str, str]:
    """The headers for each request.

    Not for the session: aiohttp sends a session's own headers, so the password, to the proxy too.
    """
    headers = {"Accept-Encoding": "identity", "User-Agent": "goodhoster"}
    return headers | {"Authorization": counterpart.authorization} if counterpart.authorization else headers
