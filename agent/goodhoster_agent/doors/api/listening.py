"""Listening for HTTP with limits: on TCP, and on a Unix socket that takes descriptors.

asyncio reads with `recv`, which drops passed descriptors. So the first byte of a connection is looked at here with
`recvmsg` and MSG_PEEK, which hands out the descriptor and leaves the byte where it is.
"""

from __future__ import annotations

import array
import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from goodhoster.errors import ConfigurationError
from goodhoster.linux.unix_sockets import remove_stale_socket
from goodhoster_agent.doors.api.problems import ApiProblem
from goodhoster_agent.doors.http_server import Handler
from goodhoster_agent.doors.peer_files import SocketPeer

_IDLE = 30.0
"""Seconds that a connection may take for the headers of a request, and stay open without one."""
_SHUTDOWN_WITHIN = 10.0  # seconds
_BACKLOG = 1024
_PAUSE_SECONDS = 0.1  # seconds, where there is no descriptor left to accept with
_MODE = 0o660


class ApiConnection(web.RequestHandler):
    """A connection, with who is at its other end."""

    peer: SocketPeer | None = None
    """None over TCP."""
    passed: int = -1
    """A descriptor that came with the first byte; -1 where none did."""

    def take_passed(self) -> int:
        """The passed descriptor, which is the caller's from now on; -1 where there is none."""
        passed, self.passed = self.passed, -1
        return passed

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what is no HTTP as every other problem, and do not tell what we run on."""
        super().handle_error(request, status, exc, message)  # keeps the books, and closes
        return ApiProblem(HTTPStatus(status), "the request is not HTTP that is understood here").response()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection, and close what nobody took."""
        super().connection_lost(exc)
        if (passed := self.take_passed()) >= 0:
            os.close(passed)


class _Server(web.Server):
    def __call__(self) -> ApiConnection:
        return ApiConnection(self, loop=asyncio.get_running_loop(), **self._kwargs)


class HttpListener:
    """Listens on sockets and hands requests to one handler."""

    def __init__(self, handler: Handler, connections: int) -> None:
        self._handler = handler
        self._most = connections
        self._sockets: list[socket.socket] = []
        self._admitting: set[asyncio.Task[None]] = set()
        self._server: _Server | None = None

    @property
    def connections(self) -> int:
        """Open ones."""
        return len(self._admitting) + (len(self._server.connections) if self._server else 0)

    def bind_unix(self, path: Path) -> str:
        """Listen on a Unix socket; one that nobody listens on any more is replaced.

        Returns the address for people.
        """
        listening = socket.socket(socket.AF_UNIX)
        return self._bind(
            listening, str(path), f"unix:{path}", lambda: remove_stale_socket(path), lambda: path.chmod(_MODE)
        )

    def bind_tcp(self, host: str, port: int) -> str:
        """Listen on an IP address. Returns the URL."""
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._bind(listening, (host, port), f"{host}:{port}")
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{listening.getsockname()[1]}"

    def _bind(
        self,
        listening: socket.socket,
        address: Any,  # noqa: ANN401 - as `socket.bind` takes it
        shown: str,
        *steps: Callable[[], object],
    ) -> str:
        self._sockets.append(listening)
        before, after = steps or (lambda: None, lambda: None)
        try:
            before()
            listening.bind(address)
            after()
            listening.listen(_BACKLOG)
        except OSError as error:
            raise ConfigurationError(f"cannot listen on {shown}: {error.strerror}", hint="see [api]") from error
        listening.settimeout(0)
        return shown

    def open(self) -> None:
        """Accept and answer from now on."""
        # A body that is compressed would be unpacked without limit.
        self._server = _Server(
            self._handler, access_log=None, keepalive_timeout=_IDLE, lingering_time=1.0, auto_decompress=False
        )
        for listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening, self._accept, self._server, listening)

    async def close(self) -> None:
        """Accept nothing more, and end after the requests in hand."""
        for listening in self._sockets:
            asyncio.get_running_loop().remove_reader(listening)
            if listening.family is socket.AF_UNIX:
                with suppress(OSError):
                    os.unlink(listening.getsockname())
            listening.close()
        self._sockets.clear()
        for task in list(self._admitting):
            task.cancel()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(_SHUTDOWN_WITHIN)

    def _accept(self, server: _Server, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            connected, _ = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # no descriptor is left: the kernel would report it again at once, and for ever
            loop.remove_reader(listening)
            loop.call_later(_PAUSE_SECONDS, self._resume, server, listening)
            return
        if self.connections >= self._most:
            connected.close()
            return
        connected.settimeout(0)
        task = loop.create_task(_admit(server, connected))
        self._admitting.add(task)
        task.add_done_callback(self._admitting.discard)

    def _resume(self, server: _Server, listening: socket.socket) -> None:
        if listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening, self._accept, server, listening)


async def _admit(server: _Server, connected: socket.socket) -> None:
    """Wait for the first byte, and hand the connection to the server with what came along."""
    connection = server()
    try:
        if connected.family is socket.AF_UNIX:
            connection.peer = SocketPeer.of(connected)
            async with asyncio.timeout(_IDLE):
                connection.passed = await _first_descriptor(connected)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, connected)
    except BaseException as error:
        connected.close()
        if (passed := connection.take_passed()) >= 0:
            os.close(passed)
        if not isinstance(error, TimeoutError | OSError):
            raise


async def _first_descriptor(connected: socket.socket) -> int:
    """The descriptor that came with the first byte, or -1. What came stays to be read."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            # Room for one: the kernel closes what does not fit.
            _, ancillary, _, _ = connected.recvmsg(1, socket.CMSG_LEN(4), socket.MSG_PEEK | socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            readable = loop.create_future()
            loop.add_reader(connected, _wake, readable)
            try:
                await readable
            finally:
                loop.remove_reader(connected)
            continue
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                return array.array("i", data[:4])[0]
        return -1


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
