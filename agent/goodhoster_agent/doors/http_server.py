"""HTTP servers: an application in a thread of its own, or a handler in the main thread.

The latter is for a program of its own.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http import HttpProcessingError

from goodhoster.errors import ConfigurationError

_AT_ONCE = 256
"""Connections; whoever comes on top waits in the kernel."""
_SHUTDOWN_WITHIN = 10.0  # seconds
_THEIRS = (HttpProcessingError, web.RequestPayloadError, ConnectionResetError)


def be_quiet_about_peers() -> None:
    """Keep bad requests and dropped connections from filling the journal with tracebacks.

    Of peers who send what is no HTTP, or hang up in the middle.
    """
    logging.getLogger("aiohttp.server").addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], _THEIRS))


class HttpThread:
    """A server in a thread, until it is stopped."""

    def __init__(self, make_app: Callable[[], web.Application], address: tuple[str, int]) -> None:
        self._make_app = make_app
        self._address = address
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port on which it listens."""
        assert self._runner is not None  # noqa: S101 - asked for after `start`
        return int(self._runner.addresses[0][1])

    def start(self) -> None:
        """Listen. ConfigurationError when the address cannot be used."""
        be_quiet_about_peers()
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
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        self._runner = web.AppRunner(self._make_app(), access_log=None, keepalive_timeout=30.0, shutdown_timeout=5.0)
        await self._runner.setup()
        host, port = self._address
        await web.TCPSite(self._runner, host, port, backlog=_AT_ONCE).start()


@dataclass(frozen=True, slots=True)
class Address:
    """The address on which a server listens, and how much it accepts."""

    host: str
    port: int
    """0 takes a free one."""
    hint: str
    """What to do where it cannot listen there."""
    connections: int = 1024
    """Open at once; whoever comes on top is turned away without a word."""
    idle: float = 30.0
    """Seconds that a connection may take for the headers of a request, and stay open without one."""


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def listen_until(
    stop: asyncio.Event, handler: Handler, address: Address, on_ready: Callable[[str], None]
) -> None:
    """Answer requests until the event is set, and then those in hand.

    `on_ready` is called with the URL before anything is answered and while there is no other thread than this one.
    ConfigurationError when the address cannot be used.
    """
    be_quiet_about_peers()
    server = web.Server(handler, access_log=None, keepalive_timeout=address.idle, lingering_time=1.0)

    def admit() -> asyncio.Protocol:
        return server() if len(server.connections) < address.connections else _TurnedAway()

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


async def read_body(request: web.BaseRequest, at_most: int, within: float) -> bytes | None:
    """The body; None when it is longer or does not come in time."""
    body = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while len(body) <= at_most and (more := await request.content.read(at_most + 1 - len(body))):
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


class _TurnedAway(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
