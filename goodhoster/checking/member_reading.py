"""Members of archives: a name, and a file that is read once from its start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


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
