"""HTTP servers: an application in a thread of its own, or a handler in the main thread.

The latter is for a program of its own.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http import HttpProcessingError, HttpVersion11

from goodhoster.errors import ConfigurationError

_CONNECTIONS = 256
"""Connections of a server in a thread."""
_SHUTDOWN_WITHIN = 10.0  # seconds
_THEIRS = (HttpProcessingError, web.RequestPayloadError, ConnectionResetError)
_PEER_LEFT = ("Connection closed.",)
"""What aiohttp raises as a RuntimeError where somebody left before the body was waited for."""


def silence_peer_errors() -> None:
    """Keep bad requests and dropped connections from filling the journal with tracebacks.

    Of peers who send what is no HTTP, or hang up in the middle.
    """
    logging.getLogger("aiohttp.server").addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], _THEIRS))


class HttpThread:
    """A server in a thread, until it is stopped."""

    problem = ""
    """None that lasts: where it cannot listen it does not start."""

    def __init__(self, make_app: Callable[[], web.Application], address: tuple[str, int]) -> None:
        self._make_app = make_app
        self._address = address
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port on which it listens."""
        assert self._listening is not None  # noqa: S101 - asked for after `start`
        return int(self._listening.sockets[0].getsockname()[1])

    def start(self) -> None:
        """Listen. ConfigurationError when the address cannot be used."""
        silence_peer_errors()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        except OSError as error:
            self.stop()
            host, port = self._address
            raise ConfigurationError(f"cannot listen on {host}:{port}: {error}", hint="see [notices] listen") from error

    def stop(self) -> None:
        """End after the requests in hand."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._end(self._runner), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        crowd, app = Crowd(_CONNECTIONS), self._make_app()
        app.middlewares.append(crowd.middleware)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=30.0, shutdown_timeout=5.0)
        await self._runner.setup()
        assert self._runner.server is not None  # noqa: S101 - it was just set up
        admit = crowd.admission(self._runner.server)
        self._listening = await self._loop.create_server(admit, *self._address, backlog=_CONNECTIONS)

    async def _end(self, runner: web.AppRunner) -> None:
        if self._listening is not None:
            self._listening.close()
        await runner.cleanup()


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """The address on which a server listens, and how much it accepts."""

    host: str
    port: int
    """0 takes a free one."""
    hint: str
    """What to do where it cannot listen there."""
    connections: int = 1024
    """Open at once; for whoever comes on top one that asks nothing is closed, if there is one."""
    idle: float = 30.0
    """Seconds that a connection may take for the headers of a request, and stay open without one."""


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Crowd:
    """Admission of connections: those that ask nothing shut the server for nobody else.

    When there are too many, the oldest connection that has no whole request in hand is closed for one that comes: of
    the address that has most of them, so that whoever opens hundreds loses these, and not a client or a proxy beside
    it. A request is whole when its body has come: half of one could be held back for ever.
    """

    def __init__(self, connections: int) -> None:
        self._most = connections
        self._busy: set[asyncio.BaseProtocol] = set()

    def admission(self, server: web.Server) -> Callable[[], asyncio.BaseProtocol]:
        """A protocol for each connection that comes."""
        loop = asyncio.get_running_loop()

        def admit() -> asyncio.BaseProtocol:
            loop.call_soon(loop.call_soon, self._make_room, server)  # once this one is among its connections
            return server()

        return admit

    def busy(self, handler: Handler) -> Handler:
        """The handler, whose connections are left alone while it works."""

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            with self._working(request):
                return await handler(request)

        return handle

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Leave the connection of an application alone while it works on a request."""
        with self._working(request):
            return await handler(request)

    @contextmanager
    def _working(self, request: web.BaseRequest) -> Iterator[None]:
        working = True

        def whole() -> None:
            if working:
                self._busy.add(request.protocol)

        request.content.on_eof(whole)
        try:
            yield
        finally:
            working = False
            self._busy.discard(request.protocol)

    def _make_room(self, server: web.Server) -> None:
        """Close connections as long as there are too many.

        The newest where all have a request in hand.
        """
        if len(server.connections) <= self._most:
            return
        open_ones = [each for each in server.connections if each.transport and not each.transport.is_closing()]
        waiting = [(_peer(each), each) for each in open_ones if each not in self._busy]
        by_peer = Counter(peer for peer, _ in waiting)
        for _ in range(len(open_ones) - self._most):
            ((most, _),) = by_peer.most_common(1) or [("", 0)]
            closed = next((each for each in waiting if each[0] == most), (most, open_ones[-1]))
            if closed in waiting:
                waiting.remove(closed)
                by_peer[most] -= 1
            if closed[1].transport:
                closed[1].transport.close()


def _peer(connection: web.RequestHandler) -> str:
    name = connection.transport.get_extra_info("peername") if connection.transport else None
    return str(name[0]) if name else ""


async def _answer_expectation(request: web.BaseRequest) -> None:
    """Have a client that waits for our word send its body (RFC 9110 section 10.1.1).

    It waits for a second otherwise.
    """
    if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # or it is taken for the beginning of the answer


async def listen_until(
    stop: asyncio.Event, handler: Handler, address: ListenAddress, on_ready: Callable[[str], None]
) -> None:
    """Answer requests until the event is set, and then those in hand.

    `on_ready` is called with the URL before anything is answered and while there is no other thread than this one.
    ConfigurationError when the address cannot be used.
    """
    silence_peer_errors()
    crowd = Crowd(address.connections)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await _answer_expectation(request)
        return await handler(request)

    server = web.Server(crowd.busy(answer), access_log=None, keepalive_timeout=address.idle, lingering_time=1.0)
    admit = crowd.admission(server)
    host, port = address.host, address.port
    try:
        addresses = _addresses(host, port)
        listening = await asyncio.get_running_loop().create_server(admit, addresses, port, backlog=1024)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error}", hint=address.hint) from error
    on_ready(_url(host, listening.sockets[0].getsockname()[1]))
    await stop.wait()
    listening.close()
    server.pre_shutdown()
    await server.shutdown(_SHUTDOWN_WITHIN)


async def next_piece(reading: Awaitable[bytes]) -> bytes:
    """The next piece of a body. RequestPayloadError where the peer has left."""
    try:
        return await reading
    except RuntimeError as error:
        if error.args != _PEER_LEFT:
            raise
        raise web.RequestPayloadError("the peer has left") from error


async def read_body(request: web.BaseRequest, at_most: int, within: float) -> bytes | None:
    """The body; None when it is longer or does not come in time."""
    body = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while len(body) <= at_most and (more := await next_piece(request.content.read(at_most + 1 - len(body)))):
                body += more
            return body if len(body) <= at_most else None
    return None


def _addresses(host: str, port: int) -> list[str]:
    """The addresses of a host name, resolved here.

    Asyncio would start a thread for it, before the server has given up its privileges.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
