"""The clamd door: listens, admits, has requests answered."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from goodhoster.errors import ConfigurationError
from goodhoster.linux.unix_sockets import remove_stale_socket
from goodhoster.settings.doors import BY_UID, ClamdDoorSettings
from goodhoster.upload_attempts import UploadAttempts
from goodhoster_agent.doors.clamd.answers import Answerer, Caller
from goodhoster_agent.doors.clamd.connection import ClamdConnection, Timeouts
from goodhoster_agent.doors.clamd.peer import peer_of
from goodhoster_agent.doors.clamd.protocol import ClamdRequest, Conversation
from goodhoster_agent.doors.fair_threads import FairThreads
from goodhoster_agent.doors.process import allow_more_descriptors, tcp_listener
from goodhoster_agent.doors.streams import StreamBudget, StreamContent
from goodhoster_agent.privileged.opener.client import Opener

_log = logging.getLogger(__name__)
_BACKLOG = 200
_ADMITTED_AT_ONCE = 32
_POLL_SECONDS = 0.5
_PAUSE_SECONDS = 0.2
_DESCRIPTORS = 16
"""Of one connection at most: itself, its stream's file, those of a session's requests."""


@dataclass(frozen=True, slots=True)
class ClamdDoorParts:
    """What a door works with."""

    settings: ClamdDoorSettings
    attempts: UploadAttempts
    opener: Opener | None
    customer_of_account: Callable[[str], str]
    """Tells whose an account of this machine is, where the door asks by uid."""


class ClamdDoor:
    """See `doors.process.Door`."""

    def __init__(self, parts: ClamdDoorParts) -> None:
        settings = parts.settings
        _expect_address(settings)
        self._settings = settings
        self._timeouts = Timeouts(settings.command_within, settings.read_within, settings.answer_within)
        self._workers = FairThreads(settings.checks)
        self._budget = StreamBudget(settings.streams_together)
        self._connections: set[ClamdConnection] = set()
        self._listener: socket.socket | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._answerer = Answerer(
            attempts=parts.attempts,
            opener=parts.opener,
            customer=settings.customer,
            customer_of_account=parts.customer_of_account,
            fail_open=settings.on_unchecked == "open",
            version=f"ClamAV 1.4.6/1/{time.strftime('%a %b %d %H:%M:%S %Y', time.gmtime())}",
            figures=self._figures,
        )

    async def listen(self) -> Sequence[str]:
        """See `Door`."""
        allow_more_descriptors(self._settings.connections * _DESCRIPTORS)
        where = _address_text(self._settings)
        try:
            self._listener = _listening(self._settings)
        except OSError as error:
            hint = "choose another address in [[clamd_door]], or end whatever listens there"
            raise ConfigurationError(f"cannot listen on {where}: {error.strerror or error}", hint=hint) from error
        port = "" if self._settings.socket else f" port {self._listener.getsockname()[1]}"
        return [f"clamd {where}{port}"]

    def open(self) -> None:
        """See `Door`."""
        self._workers.start()
        self._resume_admission()
        self._look()

    async def close(self) -> None:
        """See `Door`."""
        if self._looking is not None:
            self._looking.cancel()
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
            if self._settings.socket is not None:
                self._settings.socket.unlink(missing_ok=True)
        await asyncio.to_thread(self._workers.stop)
        for connection in tuple(self._connections):
            connection.close()

    # Admission

    def _resume_admission(self) -> None:
        if self._listener is not None and self._listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._admit)

    def _admit(self) -> None:
        assert self._listener is not None  # noqa: S101 - it listens
        for _ in range(_ADMITTED_AT_ONCE):
            if len(self._connections) >= self._settings.connections and not self._make_room():
                self._wait_for_room()
                return
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.error("the clamd door accepts nobody for now: %s", error.strerror)
                self._wait_for_room()
                return
            self._begin(accepted)

    def _wait_for_room(self) -> None:
        """Leave whoever comes in the kernel for a moment."""
        assert self._listener is not None  # noqa: S101 - it listens
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener.fileno())
        loop.call_later(_PAUSE_SECONDS, self._resume_admission)

    def _make_room(self) -> bool:
        """End the connection that is idle longest; False where none is."""
        idle = [connection for connection in self._connections if connection.idle]
        if not idle:
            return False
        longest = min(idle, key=lambda connection: connection.since)
        longest.time_out()
        longest.close()
        return True

    def _begin(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)  # noqa: FBT003 - it takes no name
        try:
            peer = peer_of(accepted)
        except OSError:  # it has left already
            accepted.close()
            return
        if self._settings.accounts and peer.account not in self._settings.accounts:
            _log.warning("the clamd door turned %s away: see accounts in [[clamd_door]]", peer.name)
            accepted.close()
            return
        conversation = Conversation(self._settings.longest_stream, lambda: StreamContent(self._budget))
        self._connections.add(ClamdConnection(accepted, peer, conversation, self))

    def left(self, connection: ClamdConnection) -> None:
        """See `connection.Host`."""
        self._connections.discard(connection)
        self._answerer.counts.cut_off += connection.cut_off

    # Answers

    def ask(self, connection: ClamdConnection, request: ClamdRequest) -> None:
        """See `connection.Host`."""
        reply = self._answerer.at_once(request, connection.peer)
        if reply is not None:
            connection.answered(request, reply)
            return
        loop = asyncio.get_running_loop()
        caller = Caller(connection.peer, connection.socket.dup() if request.argument else None)
        self._workers.submit(connection.peer.name, partial(self._work, loop, connection, request, caller))

    def _work(
        self, loop: asyncio.AbstractEventLoop, connection: ClamdConnection, request: ClamdRequest, caller: Caller
    ) -> None:
        try:
            reply = self._answerer.answer(request, caller)
        except Exception:  # noqa: BLE001 - the client must get an answer, and this one is never OK
            _log.exception("a request of %s failed; it is unchecked", caller.peer.name)
            reply = request.reply(b"Not checked (internal-error) ERROR")
        finally:
            caller.close()
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(connection.answered, request, reply)

    def _look(self) -> None:
        now = time.monotonic()
        for connection in tuple(self._connections):
            connection.look(now, self._timeouts)
        self._looking = asyncio.get_running_loop().call_later(_POLL_SECONDS, self._look)

    def _figures(self) -> str:
        counts = self._answerer.counts
        return (
            "POOLS: 1\n\nSTATE: VALID PRIMARY\n"
            f"THREADS: live {self._settings.checks}  idle 0 max {self._settings.checks} idle-timeout 30\n"
            f"QUEUE: {self._workers.waiting} items\n\n"
            "MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 1 pools_used 0M pools_total 0M\n"
            f"GOODHOSTER: connections {len(self._connections)} unchecked {sum(counts.reasons.values())} "
            f"passed-unchecked {counts.passed_unchecked} cut-off {counts.cut_off} partial {counts.partial}\nEND"
        )


def _expect_address(settings: ClamdDoorSettings) -> None:
    if (settings.socket is None) == (settings.listen is None):
        raise ConfigurationError("[[clamd_door]] needs one of socket and listen", hint="give each door one address")
    if settings.socket is None and settings.customer == BY_UID:
        raise ConfigurationError(
            f'[[clamd_door]]: customer = "{BY_UID}" needs a socket: TCP does not tell who asks',
            hint="name the customer, or use socket instead of listen",
        )
    if settings.socket is None and settings.accounts:
        raise ConfigurationError(
            "[[clamd_door]]: accounts needs a socket: TCP does not tell who asks", hint="use socket instead of listen"
        )


def _address_text(settings: ClamdDoorSettings) -> str:
    if settings.listen is None:
        return str(settings.socket)
    host, port = settings.listen
    return f"{host}:{port}"


def _listening(settings: ClamdDoorSettings) -> socket.socket:
    if settings.listen is not None:
        return tcp_listener(settings.listen, _BACKLOG)
    assert settings.socket is not None  # noqa: S101 - one of both is there
    remove_stale_socket(settings.socket)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fspath(settings.socket))
    settings.socket.chmod(0o666)  # who may ask the kernel tells us: see accounts
    listener.listen(_BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 - it takes no name
    return listener
