"""An open file descriptor as a Python file with a position of its own."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class PositionedFile(io.RawIOBase):
    """A file read with pread, which leaves the descriptor's own position alone.

    Other processes share that position. Closing the file leaves the descriptor open. Whoever read the file gives
    the size: in the sandbox there is no stat.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As Python's files do. OSError for a position before the start."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("a position before the start of the file")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """As Python's files do."""
        count = os.preadv(self._fd, [buffer], self._at)
        self._at += count
        return count
