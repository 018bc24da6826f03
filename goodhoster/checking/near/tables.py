"""The arrays that follow the header in a segment of a near list, and how they are filled.

    values      count × width bytes, ascending, each once
    categories  count × 1 byte, the position in CATEGORIES
    occupied    a bit for each bucket, set where it has entries, the lowest bit first
    blocks      32-bit numbers: how many entries lie before each 256 buckets, and all of them at the end
    within      16-bit numbers: how many lie before each bucket, counted from its block's beginning; one more at the end
    entries     count × parts × 32-bit numbers: positions in `values`, by bucket

A value is cut into parts (`parts`), and each has 2^bits buckets, one part's after the other's. Where a block has
more than 65,535 entries `within` is 0 all over it, and the block counts as one bucket: more to compare with, and
nothing is missed. Each array begins at a multiple of 64. Numbers are little-endian, as this machine's must be.
"""

from __future__ import annotations

import mmap
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goodhoster.checking.near.header import HEADER_SIZE, NearHeader
from goodhoster.checking.near.parts import Values, buckets, parts_of
from goodhoster.errors import ConfigurationError

BLOCK = 256
"""Buckets that `blocks` counts together."""
_FULL = np.iinfo(np.uint16).max
_ALIGNED = 64


class Tables(NamedTuple):
    """The arrays of one segment, in the order of the file."""

    values: Values
    """A row each."""
    categories: NDArray[np.uint8]
    occupied: NDArray[np.uint8]
    blocks: NDArray[np.uint32]
    within: NDArray[np.uint16]
    entries: NDArray[np.uint32]


def tables_in(mapped: mmap.mmap, header: NearHeader) -> Tables:
    """The arrays in a mapped file of `file_size` bytes; they can be written to where the mapping can."""
    arrays: list[NDArray[Any]] = []
    for start, kind, length in _places(header):
        arrays.append(np.frombuffer(mapped, kind, length, start))
    return Tables(arrays[0].reshape(-1, header.kind.width), *arrays[1:])


def file_size(header: NearHeader) -> int:
    """Bytes of the whole file. ConfigurationError on a machine of the other byte order."""
    if sys.byteorder != "little":
        raise ConfigurationError("near lists need a little-endian machine", hint="use exact digests on this one")
    start, kind, length = _places(header)[-1]
    return start + np.dtype(kind).itemsize * length


def _places(header: NearHeader) -> list[tuple[int, type[np.generic], int]]:
    """Start in bytes, type and length of each array."""
    parts = parts_of(header.kind.width)
    buckets_of_all = parts << header.bits
    arrays: tuple[tuple[type[np.generic], int], ...] = (
        (np.uint8, header.kind.width * header.count),
        (np.uint8, header.count),
        (np.uint8, buckets_of_all // 8),
        (np.uint32, buckets_of_all // BLOCK + 1),
        (np.uint16, buckets_of_all + 1),
        (np.uint32, parts * header.count),
    )
    places, end = [], HEADER_SIZE
    for kind, length in arrays:
        start = end + -end % _ALIGNED
        places.append((start, kind, length))
        end = start + np.dtype(kind).itemsize * length
    return places


def fill(tables: Tables, bits: int) -> None:
    """Sort what stands in `values` into the buckets; one part after the other, so that one is in memory at a time."""
    count = len(tables.values)
    parts = parts_of(tables.values.shape[1])
    for part in range(parts):
        numbers = buckets(tables.values, bits, slice(part, part + 1))[:, 0]
        sizes = np.bincount(numbers, minlength=1 << bits).reshape(-1, BLOCK)
        of_part = slice(part << bits, (part + 1) << bits)
        tables.occupied[of_part.start // 8 : of_part.stop // 8] = np.packbits(sizes > 0, bitorder="little")
        blocks = sizes.sum(axis=1)
        tables.blocks[of_part.start // BLOCK : of_part.stop // BLOCK] = part * count + np.cumsum(blocks) - blocks
        tables.within[of_part] = _within(sizes, blocks).ravel()
        tables.entries[part * count : (part + 1) * count] = _by_bucket(numbers)
    tables.blocks[-1] = parts * count


def _within(sizes: NDArray[np.int64], blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    within = np.cumsum(sizes, axis=1) - sizes
    within[blocks > _FULL] = 0
    return within


def _by_bucket(numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The positions in order of their numbers."""
    # Number and position in one word: sorting those is several times as fast as sorting positions by number.
    packed = (numbers.astype(np.uint64) << np.uint64(32)) | np.arange(len(numbers), dtype=np.uint64)
    packed.sort()
    return packed.astype(np.uint32)
