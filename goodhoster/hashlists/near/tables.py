"""The arrays that follow the header in a segment of a near list, and how they are filled.

    values      count × width bytes, ascending, each once
    categories  count × 1 byte, the position in CATEGORIES
    occupied    a bit for each bucket, set where it has entries, the lowest bit first
    blocks      32-bit numbers: how many entries lie before each block of buckets, and all of them at the end
    within      8-bit numbers: how many lie before each bucket, less all whole 256; one more at the end
    sketches    count × parts × 16-bit numbers: the bits that follow the bucket's own, by bucket
    entries     count × parts × 32-bit numbers: positions in `values`, in the same order

A value is cut into parts (`parts`), and each has 2^bits buckets, one part's after the other's. A block is as many of
them as have some 128 entries, at most 32; one of more than 255 counts as one bucket: more to compare with, and nothing
is missed. Each array begins at a multiple of 64. Numbers are little-endian, as this machine's must be.
"""

from __future__ import annotations

import mmap
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.near.header import HEADER_SIZE, NearHeader
from goodhoster.hashlists.near.parts import Values, parts_of, placed

Numbers = NDArray[np.int64]

_FULL = np.iinfo(np.uint8).max  # entries of a block
_ORDINARY = 128  # the same, where none is crowded
_MOST_BITS = 5  # bits of a bucket's number within its block
_DENSE = 2  # entries a bucket: 14 % of those have none, and to ask takes longer than it saves
_ALIGNED = 64


class Tables(NamedTuple):
    """The arrays of one segment, in the order of the file."""

    values: Values
    """A row each."""
    categories: NDArray[np.uint8]
    occupied: NDArray[np.uint8]
    blocks: NDArray[np.uint32]
    within: NDArray[np.uint8]
    sketches: NDArray[np.uint16]
    entries: NDArray[np.uint32]

    def filled(self, buckets: Numbers) -> Numbers:
        """The positions of the buckets that have entries; of all buckets where few are empty."""
        if len(self.entries) > _DENSE * len(self.within):
            return np.arange(len(buckets))
        eights = self.occupied.take(buckets >> 3)
        return np.flatnonzero((eights >> (buckets.astype(np.uint8) & 7)) & 1)

    def ranges(self, buckets: Numbers) -> tuple[Numbers, Numbers]:
        """The start in `entries` and the size of each bucket.

        Or of its whole block, where that counts as one bucket.
        """
        blocks = buckets // self._block()
        begin = self.blocks.take(blocks).astype(np.int64)
        together = self.blocks.take(blocks + 1) - begin
        before = self.within.take(buckets)
        starts = begin + (before - begin.astype(np.uint8))
        sizes = (self.within.take(buckets + 1) - before).astype(np.int64)
        full = np.flatnonzero(together > _FULL)
        starts[full], sizes[full] = begin[full], together[full]
        return starts, sizes

    def _block(self) -> int:
        return (len(self.within) - 1) // (len(self.blocks) - 1)


def tables_in(mapped: mmap.mmap, header: NearHeader) -> Tables:
    """The arrays in a mapped file of `file_size` bytes.

    They can be written to where the mapping can.
    """
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
        (np.uint32, (buckets_of_all >> _block_bits(header.bits, header.count)) + 1),
        (np.uint8, buckets_of_all + 1),
        (np.uint16, parts * header.count),
        (np.uint32, parts * header.count),
    )
    places, end = [], HEADER_SIZE
    for kind, length in arrays:
        start = end + -end % _ALIGNED
        places.append((start, kind, length))
        end = start + np.dtype(kind).itemsize * length
    return places


def _block_bits(bits: int, count: int) -> int:
    return max(0, min(_MOST_BITS, ((_ORDINARY << bits) // max(count, 1)).bit_length() - 1))


def fill(tables: Tables, bits: int) -> None:
    """Sort what is in `values` into the buckets.

    One part after the other, so that only one is in memory at a time.
    """
    count = len(tables.values)
    parts = parts_of(tables.values.shape[1])
    blocks_of_part = (len(tables.blocks) - 1) // parts
    for part in range(parts):
        (numbers,), (sketches,) = (each.T for each in placed(tables.values, bits, slice(part, part + 1)))
        sizes = np.bincount(numbers, minlength=1 << bits)
        before = part * count + np.cumsum(sizes) - sizes
        of_part = slice(part << bits, (part + 1) << bits)
        tables.occupied[of_part.start // 8 : of_part.stop // 8] = np.packbits(sizes > 0, bitorder="little")
        tables.blocks[part * blocks_of_part : (part + 1) * blocks_of_part] = before.reshape(blocks_of_part, -1)[:, 0]
        tables.within[of_part] = before.astype(np.uint8)
        entries = _by_bucket(numbers)
        tables.entries[part * count : (part + 1) * count] = entries
        tables.sketches[part * count : (part + 1) * count] = sketches.take(entries)
    tables.blocks[-1] = parts * count
    tables.within[-1] = parts * count % 256


def _by_bucket(numbers: Numbers) -> NDArray[np.uint32]:
    """The positions in order of their numbers."""
    # Number and position in one word: sorting those is several times as fast as sorting positions by number.
    packed = numbers << 32 | np.arange(len(numbers))
    packed.sort()
    return packed.astype(np.uint32)
