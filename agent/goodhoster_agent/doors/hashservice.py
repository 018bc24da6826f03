"""The compatible hash service: the HashCheckService's protocol over our own sources.

The protocol is described in docs/how-to-hash-sources.md.

    POST /v1/check/{md5|sha1|sha256}        HTTP Basic; the body is one bare hexadecimal digest; answers true or false
    POST /v1/test/check/{…}                 the same for trying out: nothing is looked up and nothing counted

A hoster serves its customers with it (relay), and a demo or a host without an account upstream serves itself. It never
says `false` for what it could not check: that is 503 with Retry-After, which the client counts as *unchecked*.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from goodhoster.errors import SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.ports import HashSource
from goodhoster_agent.doors.accounts import Accounts
from goodhoster_agent.doors.http_server import ListenAddress, listen_until, next_piece
from goodhoster_agent.doors.process import until_signalled
from goodhoster_agent.doors.relay import Relay
from goodhoster_agent.doors.usage_figures import Figures, RequestOutcome, figures_file

KNOWN_ON_TRIAL = b"goodhoster trial: known"
"""The trial address says true for the digests of this text and false for every other."""

_LONGEST_DIGEST = 2 * max(algorithm.width for algorithm in Algorithm)
_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""Of a body: these are decoded before it is read here."""
_BODY_WITHIN = 10.0  # seconds
_FLUSH_EVERY = 1.0  # seconds
_RETRY_AFTER = 5  # seconds, where a source does not say
_RETRY_AFTER_REPAIR = 300  # seconds: somebody has to mend our account upstream first


@dataclass(frozen=True, slots=True)
class HashServiceOptions:
    """The options of the hash service: where to serve what."""

    state_dir: Path
    """Accounts and figures are in `hashservice/` below it."""
    sources: Sequence[HashSource]
    """Asked in this order, local ones first; closed by who made them."""
    listen: tuple[str, int] = ("127.0.0.1", 8460)
    """Port 0 takes a free one."""
    connections: int = 1024
    """Open at once; for whoever comes on top one that asks nothing is closed, if there is one."""
    idle: float = 30.0
    """Seconds that a connection may take for the headers of a request, and stay open without one."""


def clients_file(state_dir: Path) -> Path:
    """The file of the accounts."""
    return state_dir / "hashservice" / "clients.json"


def serve(options: HashServiceOptions, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    `on_ready` is called with the address, such as http://127.0.0.1:8460, before anything is answered and while there is
    no other thread than this one.

    To be called in the main thread. ConfigurationError when the address or the state directory cannot be used.
    """
    until_signalled(lambda stop: serve_until(stop, options, on_ready))


async def serve_until(stop: asyncio.Event, options: HashServiceOptions, on_ready: Callable[[str], None]) -> None:
    """Serve as `serve` does, within a running event loop and until the event is set."""
    figures_file(options.state_dir).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    accounts = Accounts(clients_file(options.state_dir))
    figures = Figures(figures_file(options.state_dir), lambda: datetime.now(UTC))
    relay = Relay(options.sources)
    flushing = asyncio.create_task(_flush_periodically(figures))
    try:
        hint = "Choose another address with --listen or [hash_service]."
        address = ListenAddress(*options.listen, hint, options.connections, options.idle)
        await listen_until(stop, HashServiceDoor(accounts, figures, relay).answer, address, on_ready)
    finally:
        flushing.cancel()
        with suppress(asyncio.CancelledError):
            await flushing
        relay.close()
        figures.close()


async def _flush_periodically(figures: Figures) -> None:
    while True:
        await asyncio.sleep(_FLUSH_EVERY)
        await asyncio.to_thread(figures.flush)


class HashServiceDoor:
    """The request handler of the hash service."""

    def __init__(self, accounts: Accounts, figures: Figures, relay: Relay) -> None:
        self._accounts = accounts
        self._figures = figures
        self._relay = relay

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer a request; a client without an account learns nothing, not even which paths exist."""
        client = self._accounts.who(request.headers.get("Authorization", ""))
        if client is None:
            return _words(401, "user name or password is wrong", {"WWW-Authenticate": 'Basic realm="hash service"'})
        folder, _, format_ = request.path.rpartition("/")
        if folder not in {"/v1/check", "/v1/test/check"}:
            return _words(404, "ask POST /v1/check/md5, /v1/check/sha1 or /v1/check/sha256")
        if format_ not in set(Algorithm):
            return _words(404, f"digests by {format_[:20]!r} cannot be asked here: use md5, sha1 or sha256")
        if request.method != "POST":
            return _words(405, "use POST", {"Allow": "POST"})
        digest = _read_digest(await _body(request), Algorithm(format_))
        if digest is None:
            return _words(400, f"the body must be one {format_} digest in hexadecimal, and nothing else")
        return await (self._check(client, digest) if folder == "/v1/check" else _trial(digest))

    async def _check(self, client: str, digest: Digest) -> web.Response:
        try:
            known = await self._relay.knows(digest)
        except (SourceUnavailableError, SourceRefusedError, UncheckedError) as error:
            self._figures.count(client, RequestOutcome.UNCHECKED)
            return _not_checked(error)
        self._figures.count(client, RequestOutcome.MATCH if known else RequestOutcome.NO)
        return _true_or_false(known=known)


async def _trial(digest: Digest) -> web.Response:
    known = hashlib.new(digest.algorithm, KNOWN_ON_TRIAL, usedforsecurity=False).digest()
    return _true_or_false(known=digest.value == known)


def _true_or_false(*, known: bool) -> web.Response:
    return web.Response(body=b"true" if known else b"false", content_type="text/plain")


def _not_checked(error: SourceUnavailableError | SourceRefusedError | UncheckedError) -> web.Response:
    """The answer for what could not be checked.

    The words tell a client's administrator what to do; details of our own sources stay in our log.
    """
    if isinstance(error, UncheckedError):
        return _words(501, "not checked: such a digest cannot be asked here, use another algorithm")
    wait = error.retry_after or _RETRY_AFTER if isinstance(error, SourceUnavailableError) else _RETRY_AFTER_REPAIR
    return _words(503, f"not checked ({error.reason}): ask again", {"Retry-After": str(math.ceil(wait))})


def _words(status: int, words: str, headers: dict[str, str] | None = None) -> web.Response:
    response = web.Response(status=status, text=words + "\n", headers=headers)
    response.force_close()
    return response


def _read_digest(body: bytes, algorithm: Algorithm) -> Digest | None:
    try:
        digest = Digest.parse(body.decode("ascii"))
    except ValueError:
        return None
    return digest if digest.algorithm is algorithm else None


async def _body(request: web.BaseRequest) -> bytes:
    """The request's body, at most one byte more than a digest can have.

    Nothing when it does not come in time, or is not encoded as it says.
    """
    body = b""
    if request.headers.get("Content-Encoding", "identity").lower() not in _ENCODINGS:
        return body
    with suppress(TimeoutError, web.RequestPayloadError):
        async with asyncio.timeout(_BODY_WITHIN):
            while len(body) <= _LONGEST_DIGEST and (
                more := await next_piece(request.content.read(_LONGEST_DIGEST + 1 - len(body)))
            ):
                body += more
            return body
    return b""
