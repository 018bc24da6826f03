"""A filter for very many values: leaves out those that can be near none of a few entries.

Nine in ten of them, or seven, then need no comparison. The principle is that of `parts`, the other way round: all
buckets in which one of the entries would be searched for are marked, and a value of which no part lies in a marked
bucket is near none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from goodhoster.hashlists.near.parts import Values, part_bits, parts_of, placed, probes
from goodhoster.hashlists.near.tables import Numbers

_FEW = 2000  # entries: of twice as many every second bucket is marked by some part, and next to nothing is spared


class Prefilter:
    """A filter for some entries and a limit; takes a bit for each bucket, 11 MiB for PDQ."""

    def __init__(self, bits: int, marked: Sequence[NDArray[np.uint8]]) -> None:
        self._bits = bits
        self._marked = marked

    @classmethod
    def of(cls, entries: Values, limit: int) -> Self | None:
        """A filter for these entries; None where it would save too little."""
        width = entries.shape[1]
        bits = part_bits(width)
        wanted = probes(width, bits, limit)
        if wanted is None or len(entries) > _FEW:
            return None
        own, marked = placed(entries, bits).buckets, []
        for part in range(parts_of(width)):
            buckets = np.zeros(1 << bits, bool)
            buckets[own[:, part : part + 1] ^ (wanted.flips[wanted.parts == part] & len(buckets) - 1)] = True
            marked.append(np.packbits(buckets, bitorder="little"))
        return cls(bits, marked)

    def passed(self, asked: Values) -> Numbers:
        """The positions of the values that may be near an entry."""
        found = np.zeros(len(asked), np.uint8)
        for buckets, marked in zip(placed(asked, self._bits).buckets.T, self._marked, strict=True):
            found |= marked.take(buckets >> 3) >> (buckets.astype(np.uint8) & 7) & 1
        return np.flatnonzero(found)
