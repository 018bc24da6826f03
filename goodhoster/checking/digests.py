"""All exact digests of a content, taken in one read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from goodhoster.errors import UncheckedError
from goodhoster.model.content_kinds import HEAD, kind_of, other_archive
from goodhoster.model.digests import Digests
from goodhoster.model.uploads import OTHER_ARCHIVE, Content, Fault

_BLOCK = 1 << 18


def read_content(fd: int, largest: int) -> Content:
    """Read an open file once from its start, whatever its name says.

    Raises UncheckedError: `too-big` when it holds more than `largest` bytes (nothing is read then, unless it grows
    while being read), `unreadable` when the disk does not give it.
    """
    refuse_too_big(os.fstat(fd).st_size, largest)
    reading = _Reading(fd, largest)
    digests = digests_of(reading.blocks())
    fault = fault_of_archive(other_archive(reading.head))
    return Content(digests, kind_of(reading.head), reading.size, fault=fault)


def read_small(content: bytes) -> Content:
    """As `read_content`, of bytes in memory."""
    fault = fault_of_archive(other_archive(content[:HEAD]))
    return Content(digests_of([content]), kind_of(content[:HEAD]), len(content), fault=fault)


def fault_of_archive(kind: str) -> Fault | None:
    """The fault of a content that is an archive of a kind that is not looked into, if it is one."""
    return Fault(OTHER_ARCHIVE, f"{kind} archives are not looked into") if kind else None


def digests_of(blocks: Iterable[bytes]) -> Digests:
    """All digests of the concatenation of these blocks."""
    hashes = (hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False), hashlib.sha256())
    for block in blocks:
        for each in hashes:
            each.update(block)
    return Digests(*(each.digest() for each in hashes))


@dataclass(slots=True)
class _Reading:
    """A file being read; its first bytes and its size are known afterwards."""

    fd: int
    largest: int
    head: bytes = b""
    size: int = 0

    def blocks(self) -> Iterator[bytes]:
        while block := _read(self.fd, self.size):
            self.head = self.head or block[:HEAD]
            self.size += len(block)
            refuse_too_big(self.size, self.largest)
            yield block


def refuse_too_big(size: int, largest: int) -> None:
    """Raise UncheckedError(too-big) for a file of more bytes than may be read."""
    if size > largest:
        raise UncheckedError(f"larger than {largest} bytes", reason="too-big", hint="see agent.largest_file")


def _read(fd: int, offset: int) -> bytes:
    try:
        return os.pread(fd, _BLOCK, offset)
    except OSError as error:
        raise UncheckedError(f"cannot be read: {error.strerror}", reason="unreadable") from error
