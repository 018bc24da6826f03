"""All exact digests of a content in one read."""

from __future__ import annotations

import hashlib
import os

from goodhoster.checking.kinds import HEAD, kind_of
from goodhoster.errors import UncheckedError
from goodhoster.model.digests import Digests
from goodhoster.model.uploads import Content

_BLOCK = 1 << 18


def read_content(fd: int, largest: int) -> Content:
    """Read an open file once from its start, whatever its name says.

    Raises UncheckedError: `too-big` when it holds more than `largest` bytes (nothing is read then, unless it grows
    while being read), `unreadable` when the disk does not give it.
    """
    _refuse_too_big(os.fstat(fd).st_size, largest)
    hashes = (hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False), hashlib.sha256())
    head, size = b"", 0
    while block := _read(fd, size):
        head = head or block[:HEAD]
        size += len(block)
        _refuse_too_big(size, largest)
        for each in hashes:
            each.update(block)
    return Content(Digests(*(each.digest() for each in hashes)), kind_of(head), size)


def _refuse_too_big(size: int, largest: int) -> None:
    if size > largest:
        raise UncheckedError(f"larger than {largest} bytes", reason="too-big", hint="see agent.largest_file")


def _read(fd: int, offset: int) -> bytes:
    try:
        return os.pread(fd, _BLOCK, offset)
    except OSError as error:
        raise UncheckedError(f"cannot be read: {error.strerror}", reason="unreadable") from error
