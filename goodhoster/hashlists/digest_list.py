"""One source's digests by one algorithm, as a read-only mapped file shared by all processes.

Opening costs no time and no private memory however long the list is; `file_writer` makes the files and replaces them as
a whole, never in place. The layout is described in `file_header`.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Self

from goodhoster.hashlists.file_header import HEADER_SIZE, Header
from goodhoster.hashlists.mapped_file import body_sum, check_body, check_size, mapped_list
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

Entry = tuple[bytes, Category]
"""A raw digest, with its algorithm known by its length, and its category."""

Find = Callable[[bytes], Category | None]

_LONG_BUCKET = 64  # entries; real digests are evenly spread and stay far below
_BLOCK = 1 << 20


class DigestList:
    """A mapped list file.

    Any number of threads may use it at once; a file that is replaced or removed stays readable here.
    """

    def __init__(self, path: Path, mapped: mmap.mmap, header: Header) -> None:
        self._path = path
        self._mapped = mapped
        self._header = header
        self._offsets = memoryview(mapped)[header.offsets_start :].cast("I")
        self.find: Find = _finder(mapped, self._offsets, header)
        """The category of a digest in the list, or None. ValueError for a digest of another length.

        A closure and not a method: it is asked a million times a second.
        """

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map the file; checks header and sizes only, `verify` reads everything.

        FileNotFoundError when there is none; ConfigurationError when it is damaged or cannot be read.
        """
        mapped, header = mapped_list(path, HEADER_SIZE, Header.unpack)
        check_size(path, mapped, header.file_size)
        return cls(path, mapped, header)

    @property
    def source(self) -> str:
        """The source that the list belongs to."""
        return self._header.source

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of its digests."""
        return self._header.algorithm

    @property
    def categories(self) -> Mapping[Category, int]:
        """The number of entries of each category; categories without entries are left out."""
        return {category: count for category, count in self._header.categories.items() if count}

    @property
    def created(self) -> datetime:
        """When the list was last imported, UTC."""
        return self._header.created

    @property
    def version(self) -> str:
        """An identifier of the list's contents: equal for equal entries only."""
        return self._header.body.hex()

    def __len__(self) -> int:
        return self._header.count

    def __iter__(self) -> Iterator[Entry]:
        """The entries, ascending by digest."""
        width, size = self._header.algorithm.width, self._header.record_size
        names = tuple(self._header.categories)
        step = size * (_BLOCK // size)
        for start in range(HEADER_SIZE, self._header.records_end, step):
            block = self._mapped[start : min(start + step, self._header.records_end)]
            for at in range(0, len(block), size):
                yield block[at : at + width], names[block[at + width]]

    def verify(self) -> None:
        """Read the whole file; ConfigurationError when it is not what was written."""
        check_body(self._path, body_sum(self._mapped, HEADER_SIZE), self._header.body.hex())

    def close(self) -> None:
        """Release the mapping at once; `find` raises ValueError afterwards. May be called twice."""
        self._offsets.release()
        self._mapped.close()


def _finder(mapped: mmap.mmap, offsets: memoryview, header: Header) -> Find:
    width, size = header.algorithm.width, header.record_size
    names = tuple(header.categories)
    unpack = struct.Struct(f">I{width - 4}x").unpack  # also refuses any other length
    shift = 32 - header.bits
    search = mapped.find

    def find(value: bytes) -> Category | None:
        try:
            bucket = unpack(value)[0] >> shift
        except struct.error:
            raise ValueError(f"a digest of {len(value)} bytes in a list of {width}") from None
        low, high = offsets[bucket], offsets[bucket + 1]
        if high - low > _LONG_BUCKET:
            low = bisect_left(range(high), value, low, key=digest_at)
            high = min(low + 1, high)
        start, end = HEADER_SIZE + low * size, HEADER_SIZE + high * size
        at = search(value, start, end)
        while at >= 0:
            if (at - start) % size == 0:
                return names[mapped[at + width]]
            at = search(value, at + 1, end)  # those bytes straddled two records
        return None

    def digest_at(index: int) -> bytes:
        at = HEADER_SIZE + index * size
        return mapped[at : at + width]

    return find
