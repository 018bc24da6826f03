"""How near values are found without comparing with all: multi-index hashing, exact by the pigeonhole principle.

A value is cut into parts. Give each part i a radius r(i) with Σ (r(i) + 1) = limit + 1: were every part of an entry
more than r(i) bits away, the whole would be more than `limit` bits away. So an entry within the limit lies, for one
part at least, in a bucket whose number differs in at most r(i) bits from the value's own: all of those are looked
into, and what is found there is compared in full. (Norouzi, Punjani, Fleet: "Fast exact search in Hamming space with
multi-index hashing", 2014.) A bucket's number may be the first bits of its part only: they are no further apart.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.uint8]
"""Fingerprints of one kind: a row of bytes each."""

_PARTS = {32: 11, 8: 3}
"""By width in bytes. Measured for 256 bits and 1 and 10 million entries: 11 parts beat 10, 12, 13 and 16, of which
the last is the textbook's choice (radius 1 all over); fewer parts have more buckets to look into, more have more to
compare with."""
_SPARE = 3  # so many bits more than the entries need are in a bucket's number: most buckets are empty, and quickly seen
_LEAST = 8  # bits of a bucket's number
_WIDEST = 3  # no radius is larger: with 23 bits there would be ten thousand buckets to look into


def parts_of(width: int) -> int:
    """Into how many parts a value of `width` bytes is cut."""
    return _PARTS[width]


def bucket_bits(width: int, count: int) -> int:
    """How many bits of each part number its buckets in a list of `count` entries."""
    return max(_LEAST, min(8 * width // _PARTS[width], count.bit_length() + _SPARE))


def buckets(values: Values, bits: int, parts: slice = slice(None)) -> NDArray[np.uint32]:
    """The number of each value's own bucket among those of a part: a row a value, a column a part."""
    width = values.shape[1]
    first = (np.arange(_PARTS[width]) * (8 * width // _PARTS[width]))[parts]
    # Four bytes hold any part. Where fewer are left, the last fills up: its bits are shifted out.
    windows = np.minimum(first[:, None] // 8 + np.arange(4), width - 1)
    numbers: NDArray[np.uint32] = values.take(windows, axis=1).view(">u4")[..., 0].astype(np.uint32)
    numbers <<= (first % 8).astype(np.uint32)
    numbers >>= np.uint32(32 - bits)
    return numbers


class Probes(NamedTuple):
    """Which buckets to look into for one value."""

    parts: NDArray[np.intp]
    """The part of each."""
    flips: NDArray[np.uint32]
    """What to XOR with the value's own bucket of that part: gives a number among all parts' buckets."""


@lru_cache(maxsize=64)
def probes(width: int, bits: int, limit: int) -> Probes | None:
    """The buckets in which every entry within `limit` is found; None where there would be too many."""
    radii = _radii(_PARTS[width], limit)
    if max(radii) > _WIDEST:
        return None
    flips = [part << bits | mask for part, radius in enumerate(radii) for mask in _masks(bits, radius)]
    found = np.array(flips, np.uint32)
    return Probes((found >> np.uint32(bits)).astype(np.intp), found)


def _radii(parts: int, limit: int) -> list[int]:
    """The radius of each part; -1 for one that need not be looked into."""
    least, more = divmod(limit + 1, parts)
    return [least] * more + [least - 1] * (parts - more)


def _masks(bits: int, radius: int) -> list[int]:
    """Every difference of at most `radius` bits."""
    return [
        sum(1 << bit for bit in flipped) for size in range(radius + 1) for flipped in combinations(range(bits), size)
    ]
