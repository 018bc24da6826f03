"""An HTTP test server over real sockets with scripted answers.

The stand-ins for hash services are made of it.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from threading import Event, Thread
from types import TracebackType
from typing import Self

from goodhoster.testing.http_answers import CannedResponse, Ending

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""Self-signed, for the name `localhost` only; trust it by `ca_file`."""


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request that the server received."""

    method: str
    path: str
    """With its query."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


_TURNS = 8
_FOR_EVER = 86400.0

Behaviour = Callable[[ReceivedRequest], CannedResponse | None]
"""What to answer to a request; None for what the true service would answer."""


class FakeServer(ABC):
    """A server that runs for the duration of a `with` block.

    `behave` and `script` may be changed meanwhile.
    """

    username = "made-up-hoster"
    password = "made-up-password"  # noqa: S105 - of a stand-in
    root = ""
    """What follows host and port in the URL that configuration files carry."""

    def __init__(self, *, tls: bool = False) -> None:
        self.behave: Behaviour = lambda _: None
        self.script: list[CannedResponse] = []
        """Answers for the next requests, in order; before `behave`."""
        self.requests: list[ReceivedRequest] = []
        self.connections = 0
        """How many were opened so far."""
        self._tls = tls
        self._port = 0
        self._started = Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    @property
    def url(self) -> str:
        """The server's URL as configuration files carry it."""
        return self.url_at("localhost" if self._tls else "127.0.0.1")

    def url_at(self, host: str) -> str:
        """The URL with another name of this host."""
        return f"http{'s' if self._tls else ''}://{host}:{self._port}{self.root}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if self._tls else None
        if context:
            context.load_cert_chain(CERTIFICATE)
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0, ssl=context, backlog=1024)
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        await _cancel_others()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        # The client has gone, or the test is over.
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await _send(writer, self._answer(await _receive(reader))):
                pass
            writer.close()
            await writer.wait_closed()
        writer.transport.abort()

    def _answer(self, request: ReceivedRequest) -> CannedResponse:
        self.requests.append(request)
        if self.script:
            return self.script.pop(0)
        return self.behave(request) or self._true_answer(request)

    @abstractmethod
    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        """The answer of the service that this one stands in for."""

    def _is_from_our_account(self, request: ReceivedRequest) -> bool:
        account = b64encode(f"{self.username}:{self.password}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {account}"


async def _receive(reader: asyncio.StreamReader) -> ReceivedRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *fields = head.rstrip("\r\n").split("\r\n")
    method, path, _ = start.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    return ReceivedRequest(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _send(writer: asyncio.StreamWriter, answer: CannedResponse) -> bool:
    """Send an answer; False when the connection is to be closed."""
    await asyncio.sleep(answer.delay)
    whole = len(answer.raw) if answer.drip_from is None else answer.drip_from
    writer.write(answer.raw[:whole])
    for byte in answer.raw[whole:]:
        writer.write(bytes([byte]))
        await asyncio.sleep(answer.drip_pause)
    await writer.drain()
    if answer.ending is Ending.HANG:
        await asyncio.sleep(_FOR_EVER)
    if answer.ending is Ending.RESET:
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    return answer.ending is Ending.KEEP


async def _cancel_others() -> None:
    """Cancel all other tasks, over several iterations of the event loop.

    A connection that was just accepted makes its task one iteration later.
    """
    for _ in range(_TURNS):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)
