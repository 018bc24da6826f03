"""The clamd protocol of one connection, without any socket.

Bytes and descriptors in, requests and replies out.

Compared with the real clamd byte by byte in tests; each difference is explained in docs/how-to-clamav-clients.md.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from goodhoster_agent.doors.streams import StreamContent

_LONGEST_COMMAND = 4104
"""A path of PATH_MAX and the longest command before it."""
_LENGTH = struct.Struct(">I")
_LINE_END = re.compile(rb"[\n\0]")

COMMANDS = (
    "SCAN QUIT RELOAD PING CONTSCAN VERSIONCOMMANDS VERSION END SHUTDOWN MULTISCAN FILDES STATS IDSESSION INSTREAM "
    "DETSTATSCLEAR DETSTATS ALLMATCHSCAN"
)
"""As VERSIONCOMMANDS lists them."""
_WITH_PATH = frozenset({b"SCAN", b"CONTSCAN", b"MULTISCAN", b"ALLMATCHSCAN"})
_WITHOUT_PREFIX = frozenset(
    {b"SCAN", b"CONTSCAN", b"MULTISCAN", b"PING", b"VERSION", b"RELOAD", b"SHUTDOWN", b"QUIT", b"FILDES"}
)
_IN_SESSION = frozenset({b"FILDES", b"SCAN", b"INSTREAM", b"VERSION", b"PING", b"STATS", b"VERSIONCOMMANDS", b"END"})
_KNOWN = frozenset(COMMANDS.encode().split())


@dataclass(frozen=True, slots=True)
class ClamdRequest:
    """A complete request; whoever answers it closes what came with it."""

    command: str
    argument: bytes = b""
    number: int = 0
    """In a session; 0 outside of one."""
    end: bytes = b"\n"
    """What ends each reply to it."""
    stream: StreamContent | None = None
    fd: int = -1
    """The descriptor that was passed; -1 for none."""

    def reply(self, text: bytes) -> bytes:
        """One line of a reply."""
        return (b"%d: " % self.number if self.number else b"") + text + self.end

    def close(self) -> None:
        """Release the stream or the descriptor."""
        if self.stream is not None:
            self.stream.close()
        if self.fd >= 0:
            os.close(self.fd)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply to what is no request; it ends the conversation.

    What is not answered yet is not answered.
    """

    text: bytes


class _Expects(Enum):
    COMMAND = auto()
    LENGTH = auto()
    CHUNK = auto()
    DESCRIPTOR = auto()
    NOTHING = auto()


class Conversation:
    """One connection's side of the protocol."""

    def __init__(self, longest_stream: int, open_stream: Callable[[], StreamContent]) -> None:
        self._longest_stream = longest_stream
        self._open_stream = open_stream
        self._expects = _Expects.COMMAND
        self._buffer = bytearray()
        self._fds: list[int] = []
        self._stream: StreamContent | None = None
        self._left = 0
        """Bytes of the present chunk that are still to come."""
        self._end = b"\n"
        self._session = False
        self._number = 0

    @property
    def over(self) -> bool:
        """Whether no further request is taken."""
        return self._expects is _Expects.NOTHING

    @property
    def in_stream(self) -> bool:
        """Whether a stream is under way."""
        return self._stream is not None

    def receive(self, data: bytes, fds: Sequence[int] = ()) -> list[ClamdRequest | Refusal]:
        """Take what has arrived, and return what is complete by now.

        Descriptors become the conversation's own.
        """
        self._buffer += data
        self._fds += fds
        found = list(self._complete())
        if self._fds and self._expects is _Expects.DESCRIPTOR:
            found.append(
                self._refuse(b"PROTOCOL ERROR: ancillary data sent without FILDES. ERROR", *_BROKEN, end=b"\0")
            )
        self._drop_descriptors()
        return found

    def close(self) -> None:
        """Release everything; what was cut off is not answered."""
        self._expects = _Expects.NOTHING
        self._buffer.clear()
        self._drop_descriptors()
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _complete(self) -> Iterator[ClamdRequest | Refusal]:
        steps = {
            _Expects.COMMAND: self._command,
            _Expects.LENGTH: self._chunk_length,
            _Expects.CHUNK: self._chunk,
            _Expects.DESCRIPTOR: self._descriptor,
        }
        while self._buffer and not self.over:
            before = self._expects, len(self._buffer)
            found = steps[self._expects]()
            if found is not None:
                yield found
            if (self._expects, len(self._buffer)) == before:
                return  # more must arrive first

    # Commands

    def _command(self) -> ClamdRequest | Refusal | None:
        prefix = bytes(self._buffer[:1])
        if prefix not in {b"n", b"z"}:
            return self._unprefixed()
        end = b"\n" if prefix == b"n" else b"\0"
        at = self._buffer.find(end)
        if at < 0 or at >= _LONGEST_COMMAND:
            return self._refuse() if len(self._buffer) >= _LONGEST_COMMAND else None
        line = bytes(self._buffer[1:at])
        del self._buffer[: at + 1]
        self._end = end
        return self._begin(line.removesuffix(b"\r") if end == b"\n" else line, _KNOWN)

    def _unprefixed(self) -> ClamdRequest | Refusal | None:
        """The old form: whatever arrived at once is the command."""
        if self._session:
            self._number += 1
            return self._refuse(_NOT_IN_SESSION)
        found = _LINE_END.search(self._buffer)
        line = bytes(self._buffer[: found.start()] if found else self._buffer)
        del self._buffer[: found.end() if found else len(self._buffer)]
        self._end = b"\n"
        return self._begin(line.removesuffix(b"\r")[:_LONGEST_COMMAND], _WITHOUT_PREFIX)

    def _begin(self, line: bytes, known: frozenset[bytes]) -> ClamdRequest | Refusal | None:  # noqa: PLR0911 - a command each
        name, blank, argument = line.partition(b" ")
        if name not in known or (name in _WITH_PATH) != bool(blank):
            name = b""
        if self._session:
            self._number += 1
            if name not in _IN_SESSION:
                return self._refuse(_NOT_IN_SESSION)
        match name:
            case b"END" if self._session:
                self._expects = _Expects.NOTHING
                return None
            case b"IDSESSION":
                self._session = True
                return None
            case b"INSTREAM":
                self._stream = self._open_stream()
                self._expects = _Expects.LENGTH
                return None
            case b"FILDES":
                self._expects = _Expects.DESCRIPTOR
                return None
            case b"" | b"END":
                return self._refuse(b"UNKNOWN COMMAND")
            case _:
                return self._request(name.decode(), argument)

    # What comes with a command

    def _descriptor(self) -> ClamdRequest | Refusal | None:
        """One byte, with the descriptor beside it."""
        del self._buffer[:1]
        fds, self._fds = self._fds, []
        if len(fds) == 1:
            return self._request("FILDES", fd=fds[0])
        _close_all(fds)
        return self._refuse(b"No file descriptor received. ERROR")

    def _chunk_length(self) -> ClamdRequest | Refusal | None:
        if len(self._buffer) < _LENGTH.size:
            return None
        (self._left,) = _LENGTH.unpack_from(self._buffer)
        del self._buffer[: _LENGTH.size]
        assert self._stream is not None  # noqa: S101 - it was opened with the command
        if self._left == 0:
            stream, self._stream = self._stream, None
            return self._request("INSTREAM", stream=stream)
        if self._stream.size + self._left > self._longest_stream:
            return self._refuse(b"INSTREAM size limit exceeded. ERROR")
        self._expects = _Expects.CHUNK
        return None

    def _chunk(self) -> Refusal | None:
        assert self._stream is not None  # noqa: S101 - it was opened with the command
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        try:
            taken = self._stream.add(piece)
        except OSError:
            taken = False
        if not taken:
            return self._refuse(b"Not checked: there is no room for this stream now. ERROR")
        self._left -= len(piece)
        if not self._left:
            self._expects = _Expects.LENGTH
        return None

    # What comes out

    def _request(
        self, command: str, argument: bytes = b"", *, stream: StreamContent | None = None, fd: int = -1
    ) -> ClamdRequest:
        self._expects = _Expects.COMMAND if self._session else _Expects.NOTHING
        return ClamdRequest(command, argument, self._number, self._end, stream, fd)

    def _refuse(self, *texts: bytes, end: bytes = b"") -> Refusal:
        said = ClamdRequest("", number=self._number, end=end or self._end)
        self.close()
        return Refusal(b"".join(map(said.reply, texts)))

    def _drop_descriptors(self) -> None:
        fds, self._fds = self._fds, []
        _close_all(fds)


_BROKEN = (b"Error processing command. ERROR",)
_NOT_IN_SESSION = b"Command invalid inside IDSESSION. ERROR"


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
