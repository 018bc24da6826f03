"""The ICAP door: listens, admits, has messages checked."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from goodhoster.errors import ConfigurationError
from goodhoster.settings.doors import IcapDoorSettings
from goodhoster.upload_attempts import UploadAttempts
from goodhoster_agent.doors.fair_threads import FairThreads
from goodhoster_agent.doors.icap.answers import IcapAnswer, MessageChecker
from goodhoster_agent.doors.icap.client_limits import AccountSlots, ClientLimits, IcapPeer
from goodhoster_agent.doors.icap.connection import IcapConnection
from goodhoster_agent.doors.icap.messages import LONGEST_LINE, HttpMessage
from goodhoster_agent.doors.icap.transaction import IcapContext
from goodhoster_agent.doors.loopback_peer import account_of_peer
from goodhoster_agent.doors.process import allow_more_descriptors, tcp_listener
from goodhoster_agent.doors.streams import StreamBudget, StreamContent

_log = logging.getLogger(__name__)
_BACKLOG = 200
_DESCRIPTORS = 6
"""Of one connection at most: itself, its body, what is unpacked, a part, what is examined."""
_OPEN = 8
"""So many times as many may be open as may have a message under way: a body is read away behind its answer.

A connection that only does that, or waits for its turn, takes up little.
"""
_ACCOUNT_SHARE = 2
"""One account of this machine may have half, where not only named ones may ask."""
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
        self._most = settings.connections * _OPEN
        self._of_account = self._most // (1 if settings.accounts else _ACCOUNT_SHARE)
        self._workers = FairThreads(settings.checks)
        self._checker = MessageChecker(
            parts.attempts, settings.customer, parts.customer_of_site, settings.longest_content
        )
        self._context = IcapContext(
            tag=f"goodhoster-{int(time.time()):x}",
            connections_of_account=self._of_account,
            under_way=AccountSlots(settings.connections),
            room_of_account=ClientLimits(
                settings.connections, settings.contents_together // (1 if settings.accounts else _ACCOUNT_SHARE)
            ),
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
        allow_more_descriptors(self._most + self._settings.connections * _DESCRIPTORS)
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
        peer = writer.get_extra_info("peername") or ("a client that left", 0)
        account = _account(writer)
        if self._settings.accounts and account not in self._settings.accounts:
            _log.warning("the ICAP door turned %s away: see accounts in [[icap_door]]", account or peer[0])
            writer.close()
            return
        connection = IcapConnection(reader, writer, IcapPeer(str(peer[0]), account or str(peer[0])), self._context)
        task = asyncio.current_task()
        if task is None or not self._make_room(connection.account):
            await connection.refuse_overloaded()
            return
        self._connections[connection] = task
        try:
            await connection.serve()
        except Exception:  # noqa: BLE001 - the client gets no answer, and takes that for none
            _log.exception("a connection of %s failed; what it asked about is unchecked", peer[0])
            connection.close()
        finally:
            self._connections.pop(connection, None)

    def _make_room(self, account: str) -> bool:
        """Whether another connection may come; one that sent no whole request makes room.

        The one that is so longest goes. Where an account has its share, one of its own does; where there is no such,
        the slowest of whoever has most.
        """
        of_each = Counter(each.account for each in self._connections)
        if of_each[account] >= self._of_account:
            return self._end(each for each in self._idle() if each.account == account)
        if len(self._connections) < self._most:
            return True
        if self._end(self._idle()):
            return True
        greedy, most = of_each.most_common(1)[0]
        now = asyncio.get_running_loop().time()
        slowest = sorted((each for each in self._connections if each.account == greedy), key=lambda it: it.rate(now))
        return most > of_each[account] and self._end(slowest)

    def _idle(self) -> list[IcapConnection]:
        """Those without a whole request, the longest such first."""
        idle = [(each.idle_since, each) for each in self._connections if each.idle_since is not None]
        return [each for _, each in sorted(idle, key=lambda found: found[0])]

    def _end(self, connections: Iterable[IcapConnection]) -> bool:
        """End the first of them; whether there is one."""
        for first in connections:
            first.close()
            self._connections.pop(first)
            return True
        return False

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


def _account(writer: asyncio.StreamWriter) -> str:
    """The account of a program of this machine; empty where nobody can tell."""
    client, server = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
    return account_of_peer(client[:2], server[:2]) if client and server else ""
