"""The ICAP door: listens, admits, has messages checked."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from goodhoster.errors import ConfigurationError
from goodhoster.settings.doors import IcapDoorSettings
from goodhoster.upload_attempts import UploadAttempts
from goodhoster_agent.doors.fair_threads import FairThreads
from goodhoster_agent.doors.icap.answers import IcapAnswer, MessageChecker
from goodhoster_agent.doors.icap.client_limits import ClientLimits
from goodhoster_agent.doors.icap.connection import IcapConnection
from goodhoster_agent.doors.icap.messages import LONGEST_LINE, HttpMessage
from goodhoster_agent.doors.icap.transaction import IcapContext
from goodhoster_agent.doors.process import allow_more_descriptors, tcp_listener
from goodhoster_agent.doors.streams import StreamBudget, StreamContent

_log = logging.getLogger(__name__)
_BACKLOG = 200
_DESCRIPTORS = 6
"""Of one connection at most: itself, its body, what is unpacked, a part, what is examined."""
_SHARE = 4
"""One client of a proxy may have a fourth of the connections, and of the room."""


@dataclass(frozen=True, slots=True)
class IcapDoorParts:
    """What a door works with."""

    settings: IcapDoorSettings
    attempts: UploadAttempts
    customer_of_site: Callable[[str], str]
    """Tells whose a site is, where the door asks by host; empty where nobody knows."""


class IcapDoor:
    """See `doors.process.Door`."""

    def __init__(self, parts: IcapDoorParts) -> None:
        settings = parts.settings
        self._settings = settings
        self._workers = FairThreads(settings.checks)
        self._checker = MessageChecker(
            parts.attempts, settings.customer, parts.customer_of_site, settings.longest_content
        )
        self._context = IcapContext(
            tag=f"goodhoster-{int(time.time()):x}",
            connections=settings.connections,
            longest_content=settings.longest_content,
            fail_open=settings.on_unchecked == "open",
            idle_within=settings.idle_within,
            read_within=settings.read_within,
            answer_within=settings.answer_within,
            budget=StreamBudget(settings.contents_together),
            clients=ClientLimits(
                max(1, settings.connections // _SHARE),
                max(settings.longest_content, settings.contents_together // _SHARE),
            ),
            check=self._check,
            not_checked=self._checker.not_checked,
        )
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._connections: dict[IcapConnection, asyncio.Task[None]] = {}

    async def listen(self) -> Sequence[str]:
        """See `Door`."""
        allow_more_descriptors(self._settings.connections * _DESCRIPTORS)
        host, port = self._settings.listen
        try:
            self._listener = tcp_listener((host, port), _BACKLOG)
        except OSError as error:
            hint = "choose another address in [[icap_door]], or end whatever listens there"
            raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror or error}", hint=hint) from error
        return [f"icap {host}:{port} port {self._listener.getsockname()[1]}"]

    def open(self) -> None:
        """See `Door`."""
        self._workers.start()
        self._opening = asyncio.create_task(self._accept())

    async def _accept(self) -> None:
        self._server = await asyncio.start_server(self._admit, sock=self._listener, limit=LONGEST_LINE)

    async def close(self) -> None:
        """See `Door`."""
        if self._opening is not None:
            await self._opening
        if self._server is not None:
            self._server.close()
        elif self._listener is not None:
            self._listener.close()
        await asyncio.to_thread(self._workers.stop)
        for connection, task in tuple(self._connections.items()):
            connection.close()
            task.cancel()

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername") or ("a client that left",)
        connection = IcapConnection(reader, writer, str(peer[0]), self._context)
        task = asyncio.current_task()
        if task is None or not self._make_room():
            await connection.refuse_overloaded()
            return
        self._connections[connection] = task
        try:
            await connection.serve()
        except Exception:  # noqa: BLE001 - the client gets no answer, and takes that for none
            _log.exception("a connection of %s failed; what it asked about is unchecked", peer[0])
            connection.close()
        finally:
            del self._connections[connection]

    def _make_room(self) -> bool:
        """Whether another connection may come; the one that is idle longest makes room."""
        if len(self._connections) < self._settings.connections:
            return True
        idle = [(each.idle_since, each) for each in self._connections if each.idle_since is not None]
        if not idle:
            return False
        _, longest = min(idle, key=lambda found: found[0])
        longest.close()
        return True

    def _check(
        self, message: HttpMessage, body: StreamContent, peer: str, asked_for: str
    ) -> asyncio.Future[IcapAnswer]:
        """Have a message checked by a thread, which reads the body until the future is done."""
        loop = asyncio.get_running_loop()
        checked: asyncio.Future[IcapAnswer] = loop.create_future()

        def tell(answer: IcapAnswer) -> None:
            if not checked.done():
                checked.set_result(answer)

        def work() -> None:
            answer = self._checker.check(message, body, peer)
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(tell, answer)

        self._workers.submit(asked_for, work)
        return checked
