"""Multi-index hashing: finds near values without comparing with all, and misses none.

A value is cut into parts. Give each part i a radius r(i) with Σ (r(i) + 1) = limit + 1: were every part of an entry
more than r(i) bits away, the whole would be more than `limit` bits away (the pigeonhole principle). So an entry within
the limit lies, for one part at least, in a bucket whose number differs in at most r(i) bits from the value's own: all
of those are searched, and what is found there is compared in full. (Norouzi, Punjani, Fleet: "Fast exact search in
Hamming space with multi-index hashing", 2014.) A bucket's number may be the first bits of its part only: they are no
further apart.

Hardly any of what lies in those buckets need be fetched. Lay the parts in a ring: for one part at least, both it is at
most r(i) bits away and it and the next together at most r(i) + r(i + 1) + 1 (sum up r + 1 less the distance from part
to part, and begin behind the lowest sum). So each entry of a bucket has a *sketch* beside it, the 16 bits that follow
its number, and one that differs in more than is left is out. (Qin, Xiao: "Pigeonring: a principle for faster
thresholded similarity search", 2018.)
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
_LEAST_BITS = 8  # bits of a bucket's number
_MOST_BITS = 22  # of them: with 23, ten million entries took more than 1 GiB
_SKETCH = 16  # bits that follow; with those of the number they lie in one part and the next
_WIDEST = 3  # no radius is larger: with 23 bits there would be ten thousand buckets to look into


def parts_of(width: int) -> int:
    """The number of parts into which a value of `width` bytes is cut."""
    return _PARTS[width]


def part_bits(width: int) -> int:
    """Bits of each part; the last may have more."""
    return 8 * width // _PARTS[width]


def bucket_bits(width: int, count: int) -> int:
    """The bits of each part that number its buckets in a list of `count` entries."""
    return max(_LEAST_BITS, min(_MOST_BITS, part_bits(width), count.bit_length() + _SPARE))


class Placed(NamedTuple):
    """Buckets and sketches of values: a row per value, a column per part."""

    buckets: NDArray[np.int64]
    """The number of each one's own bucket among those of the part."""
    sketches: NDArray[np.uint16]
    """The bits that follow."""


def placed(values: Values, bits: int, parts: slice = slice(None)) -> Placed:
    """Buckets and sketches of the values, by all parts or some."""
    width = values.shape[1]
    first = (np.arange(_PARTS[width]) * part_bits(width))[parts]
    windows = (first[:, None] // 8 + np.arange(8)) % width
    words = values.take(windows, axis=1).view(">u8")[..., 0].astype(np.uint64) << (first % 8).astype(np.uint64)
    sketches = (words >> np.uint64(64 - bits - _SKETCH)).astype(np.uint16)
    return Placed((words >> np.uint64(64 - bits)).astype(np.int64), sketches)


class Probes(NamedTuple):
    """The buckets to search for one value."""

    parts: NDArray[np.intp]
    """The part of each."""
    flips: NDArray[np.int64]
    """What to XOR with the value's own bucket of that part: gives a number among all parts' buckets."""
    left: NDArray[np.uint8]
    """In how many bits a sketch there may differ from the value's own of that part."""


@lru_cache(maxsize=64)
def probes(width: int, bits: int, limit: int) -> Probes | None:
    """The buckets that hold every entry within `limit`; None where there would be too many."""
    radii = _radii(_PARTS[width], limit)
    if max(radii) > _WIDEST:
        return None
    masks = [(part, mask) for part, radius in enumerate(radii) for mask in _masks(bits, radius)]
    parts, flipped = (np.array(column) for column in zip(*masks, strict=True))
    together = np.array(radii) + np.roll(radii, -1) + 1
    return Probes(parts, parts << bits | flipped, (together[parts] - np.bitwise_count(flipped)).astype(np.uint8))


def _radii(parts: int, limit: int) -> list[int]:
    """The radius of each part; -1 for one that need not be searched."""
    least, more = divmod(limit + 1, parts)
    return [least] * more + [least - 1] * (parts - more)


def _masks(bits: int, radius: int) -> list[int]:
    """Every difference of at most `radius` bits."""
    return [
        sum(1 << bit for bit in flipped) for size in range(radius + 1) for flipped in combinations(range(bits), size)
    ]
