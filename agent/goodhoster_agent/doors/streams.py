"""Contents that arrive in pieces: small ones in memory, larger ones in an unnamed file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from threading import Lock
from typing import BinaryIO

_IN_MEMORY = 1 << 16
_BLOCK = 1 << 20
_ENDS = (
    (b"\xff\xd8\xff", b"\xff\xd9"),
    (b"\x89PNG\r\n\x1a\n", b"IEND"),
    (b"GIF8", b"\x3b"),
)
"""How a picture begins, and what stands at its end or before whatever was appended to it."""


class StreamBudget:
    """The bytes that all streams together may take up. Threads may share it."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Take so many bytes; False, and none taken, where so many are not left."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._left += size


class StreamContent:
    """The content of one stream, as far as it has arrived."""

    def __init__(self, budget: StreamBudget) -> None:
        self._budget = budget
        self._small = bytearray()
        self._file: BinaryIO | None = None
        self.size = 0

    def add(self, piece: bytes | memoryview) -> bool:
        """Add the next piece; False where there is no room for it. OSError where the disk has none."""
        if not self._budget.take(len(piece)):
            return False
        self.size += len(piece)
        if self._file is None and self.size > _IN_MEMORY:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
            self._write(self._small)
            self._small = bytearray()
        if self._file is None:
            self._small += piece
        else:
            self._write(piece)
        return True

    @property
    def content(self) -> bytes | int:
        """The whole of it: bytes, or the descriptor of its file."""
        return bytes(self._small) if self._file is None else self._file.fileno()

    def parts(self) -> tuple[bytes, bytes]:
        """Its first and last bytes, at most a block of each."""
        if self._file is None:
            whole = bytes(self._small)
            return whole, whole
        fd = self._file.fileno()
        return os.pread(fd, _BLOCK, 0), os.pread(fd, _BLOCK, max(0, self.size - _BLOCK))

    def pieces(self) -> Iterator[bytes]:
        """The whole of it again, in pieces. OSError where the disk does not give it."""
        if self._file is None:
            if self._small:
                yield bytes(self._small)
            return
        position = 0
        while piece := os.pread(self._file.fileno(), _IN_MEMORY, position):
            position += len(piece)
            yield piece

    def close(self) -> None:
        """Give back what it takes up. May be called twice."""
        self._budget.give_back(self.size)
        self.size = 0
        self._small = bytearray()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, piece: bytes | bytearray | memoryview) -> None:
        assert self._file is not None  # noqa: S101 - called where there is one
        left = memoryview(piece)
        while left:
            left = left[self._file.write(left) or 0 :]


def is_partial(stream: StreamContent) -> bool:
    """Whether a stream is the beginning of a picture without its end.

    Neither the length nor the end of a stream tells: a client that sends parts ends each of them properly.
    """
    beginning, ending = stream.parts()
    return any(beginning.startswith(head) and end not in ending for head, end in _ENDS)
