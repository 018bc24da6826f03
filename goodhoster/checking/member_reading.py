"""Members of archives: a name, and a file that is read once from its start."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple, Protocol

_BLOCK = 1 << 16


class Readable(Protocol):
    """A member, from its start to its end."""

    def read(self, size: int, /) -> bytes:
        """Up to that many bytes more; none at the end."""


class Member(NamedTuple):
    """A member of an archive: a file, or something else, such as a link or a directory."""

    name: bytes
    """As the archive has it; empty where it has none."""
    file: Readable | None
    """None: no file."""


def read_whole(file: Readable, size: int) -> bytes:
    """Exactly that many bytes, fewer at the end only.

    One call of `read` may return less where one part of a file ends.
    """
    parts: list[bytes] = []
    while size and (block := file.read(size)):
        parts.append(block)
        size -= len(block)
    return b"".join(parts)


@dataclass(slots=True)
class Rejoined:
    """A file whose beginning was read already."""

    first: bytes
    rest: Readable

    def read(self, size: int, /) -> bytes:
        """As a file does."""
        begun, self.first = self.first[:size], self.first[size:]
        return begun or self.rest.read(size)


class Inflated:
    """Data decompressed by zlib up to their own end, in little memory."""

    def __init__(self, packed: Readable, window_bits: int, *, ends_where_broken: bool = False) -> None:
        self._packed = packed
        self._inflating = zlib.decompressobj(window_bits)
        self._ends_where_broken = ends_where_broken
        self._waiting = b""
        self._taken = 0

    @property
    def consumed(self) -> int:
        """Bytes of the packed data that were needed so far."""
        return self._taken - len(self._waiting) - len(self._inflating.unused_data)

    def read(self, size: int, /) -> bytes:
        """As a file does; `zlib.error` or EOFError where they are broken, unless they end there."""
        try:
            return self._inflate(size)
        except (zlib.error, EOFError):
            if self._ends_where_broken:
                return b""
            raise

    def _inflate(self, size: int) -> bytes:
        while not self._inflating.eof:
            taken = self._waiting
            if not taken:
                taken = self._packed.read(_BLOCK)
                self._taken += len(taken)
            block = self._inflating.decompress(taken, size)
            self._waiting = self._inflating.unconsumed_tail
            if block:
                return block
            if not taken:
                raise EOFError("it ends within a member")
        return b""
