"""One connection of the clamd door, in the event loop."""

from __future__ import annotations

import array
import asyncio
import socket
import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from goodhoster_agent.doors.clamd.peer import ClamdPeer
from goodhoster_agent.doors.clamd.protocol import ClamdRequest, Conversation, Refusal

_READ_BYTES = 1 << 17
_FDS = 4
"""Descriptors of one packet that are received; the kernel closes those beyond."""
_ANCILLARY = socket.CMSG_SPACE(_FDS * array.array("i").itemsize)
_REQUESTS_UNDER_WAY = 10
"""Requests of one session that are under way; the next is read when one of them is answered."""
_MOST_UNREAD = 1 << 18
"""Bytes of replies that a client may leave unread."""
_SEND_WITHIN = 30.0
_DRAIN = 1 << 20
_DRAIN_WITHIN = 2.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a connection may take."""

    command: float
    stream: float
    answer: float


class _Stage(Enum):
    TALKING = auto()
    ENDING = auto()
    """The last reply goes out."""
    DRAINING = auto()
    """What the client still sends is read away, so that it reads the reply before it sees the end."""
    CLOSED = auto()


class Host(Protocol):
    """The object that admitted a connection."""

    def ask(self, connection: ClamdConnection, request: ClamdRequest) -> None:
        """Have a request answered, by `ClamdConnection.answered` in the event loop."""

    def left(self, connection: ClamdConnection) -> None:
        """Called once, when it is closed."""


class ClamdConnection:
    """A client. Everything happens in the event loop."""

    def __init__(self, connection: socket.socket, peer: ClamdPeer, conversation: Conversation, host: Host) -> None:
        self.socket = connection
        self.peer = peer
        self.cut_off = False
        """Whether it ended within a stream."""
        self._loop = asyncio.get_running_loop()
        self._conversation = conversation
        self._host = host
        self._passes_descriptors = connection.family == socket.AF_UNIX
        self._stage = _Stage.TALKING
        self._under_way: dict[ClamdRequest, float] = {}
        self._unsent = b""
        self._drained = 0
        self._reading = True
        self._taking = False
        self._since = time.monotonic()
        self._loop.add_reader(connection.fileno(), self._readable)

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._stage is _Stage.CLOSED

    @property
    def idle(self) -> bool:
        """Whether nothing of it is under way."""
        return not self._under_way and not self._unsent and self._stage is _Stage.TALKING

    @property
    def since(self) -> float:
        """When something last happened."""
        return self._since

    def look(self, now: float, timeouts: Timeouts) -> None:
        """End what takes too long."""
        waited = now - self._since
        if self._stage is _Stage.DRAINING:
            if waited > _DRAIN_WITHIN:
                self.close()
        elif self._unsent:
            if waited > _SEND_WITHIN:
                self.close()
        elif self._under_way:
            overdue = [request for request, since in self._under_way.items() if now - since > timeouts.answer]
            for request in overdue:
                self.answered(request, request.reply(b"Not checked: it takes too long. ERROR"))
        elif waited > (timeouts.stream if self._conversation.in_stream else timeouts.command):
            self.time_out()

    def time_out(self) -> None:
        """Tell the client that it took too long, and end."""
        self.cut_off = self._conversation.in_stream
        self._conversation.close()
        self._send(b"COMMAND READ TIMED OUT\n")
        self._end()

    def answered(self, request: ClamdRequest, reply: bytes) -> None:
        """Send a reply; it may come after the connection was given up."""
        if self._under_way.pop(request, None) is None or self.closed:
            return
        self._send(reply)
        if self._taking:
            return
        if self._conversation.over and not self._under_way:
            self._end()
        elif not self._reading and len(self._under_way) < _REQUESTS_UNDER_WAY:
            self._reading = True
            self._loop.add_reader(self.socket.fileno(), self._readable)

    def close(self) -> None:
        """Close at once. May be called twice."""
        if self.closed:
            return
        self._stage = _Stage.CLOSED
        self._loop.remove_reader(self.socket.fileno())
        self._loop.remove_writer(self.socket.fileno())
        self._conversation.close()
        self._under_way.clear()
        self.socket.close()
        self._host.left(self)

    def _readable(self) -> None:
        try:
            data, fds = self._receive()
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, fds = b"", []
        if self._stage is not _Stage.TALKING:
            self._drain(data)
            return
        self._since = time.monotonic()
        self._take(self._conversation.receive(data, fds))
        if not data:
            self._left()
        elif self._conversation.over and not self._under_way:
            self._end()
        elif len(self._under_way) >= _REQUESTS_UNDER_WAY or self._conversation.over:
            self._pause()

    def _take(self, complete: list[ClamdRequest | Refusal]) -> None:
        """Have requests answered; a refusal is the last word, whatever is still under way."""
        self._taking = True
        for found in complete:
            if isinstance(found, Refusal):
                self._under_way.clear()
                self._send(found.text)
            else:
                self._under_way[found] = self._since
                self._host.ask(self, found)
        self._taking = False

    def _receive(self) -> tuple[bytes, list[int]]:
        if not self._passes_descriptors:
            return self.socket.recv(_READ_BYTES), []
        data, ancillary, _, _ = self.socket.recvmsg(_READ_BYTES, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
        fds = array.array("i")
        for level, kind, passed in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(passed[: len(passed) - len(passed) % fds.itemsize])
        return data, list(fds)

    def _left(self) -> None:
        """The client sends no more; it still gets what it asked for before."""
        self.cut_off = self._conversation.in_stream
        self._conversation.close()
        self._pause()
        if not self._under_way:
            self._end()

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self.socket.fileno())

    def _send(self, data: bytes) -> None:
        """Send at once, whole replies in one call: clients see half of what comes in pieces."""
        if self.closed:
            return
        self._unsent += data
        self._writable()

    def _writable(self) -> None:
        try:
            sent = self.socket.send(self._unsent) if self._unsent else 0
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.close()
            return
        waits = len(self._unsent) > sent
        self._unsent = self._unsent[sent:]
        self._since = time.monotonic() if sent else self._since
        if len(self._unsent) > _MOST_UNREAD:
            self.close()
        elif waits:
            self._loop.add_writer(self.socket.fileno(), self._writable)
        else:
            self._loop.remove_writer(self.socket.fileno())
            if self._stage is _Stage.ENDING:
                self._finish()

    def _end(self) -> None:
        """End once everything is sent."""
        if self._stage is _Stage.TALKING:
            self._stage = _Stage.ENDING
        if not self._unsent and not self.closed:
            self._finish()

    def _finish(self) -> None:
        """Close, but not while unread data would reset the connection before the reply is read."""
        self._stage = _Stage.DRAINING
        self._since = time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        if not self._reading:
            self._reading = True
            self._loop.add_reader(self.socket.fileno(), self._readable)

    def _drain(self, data: bytes) -> None:
        self._drained += len(data)
        if not data or self._drained > _DRAIN:
            self.close()
