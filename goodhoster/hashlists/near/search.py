"""Search of a segment: every entry within a limit of the values asked, none missed.

By buckets or, where that is faster, by comparing with all entries. Searching buckets is worth it only while few entries
share one. Real fingerprints come in crowds (one picture saved in many ways, plain areas), so a value that would be
compared with a good part of the list is compared with all of it in order instead: a look-up never costs much more than
one pass over the list.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goodhoster.hashlists.near.parts import Probes, Values, placed, probes
from goodhoster.hashlists.near.tables import Numbers, Tables

_SCANNED_LIKE_PROBED = 4  # entries that are compared in order while one bucket is looked into
_CROWD = 8  # who has more than this part of the list in its buckets is compared with all of it in order
_STEP = 1 << 15  # comparisons at a time: they stay in the processor's cache
_ASKED = 8  # values looked up at a time, for the same reason
_HEAD = 16  # bytes: two fingerprints of unrelated pictures are too far apart in these already


class NearPairs(NamedTuple):
    """Pairs of a value asked and an entry within the limit, in three columns."""

    asked: Numbers
    """Positions among what was asked."""
    entries: Numbers
    """Positions in the segment."""
    distances: NDArray[np.uint16]
    """Bits apart."""


class _Ranges(NamedTuple):
    """Ranges of `entries`, each to be compared with one value asked."""

    asked: Numbers
    sketches: NDArray[np.uint16]
    """That value's, by the part of the stretch."""
    left: NDArray[np.uint8]
    """In how many bits those of the entries may differ from it."""
    starts: Numbers
    sizes: Numbers

    def only(self, which: Any) -> _Ranges:  # noqa: ANN401 - whatever numpy takes as an index
        return _Ranges(*(column[which] for column in self))


def search(tables: Tables, bits: int, asked: Values, limit: int) -> NearPairs:
    """Find every entry at most `limit` bits from a value asked, each pair once."""
    asked = np.ascontiguousarray(asked)
    wanted = _probes_if_faster(tables.values, bits, limit)
    if wanted is None and len(asked) > len(tables.values):
        return _search_reversed(tables.values, asked, limit)
    found = [_NOTHING]
    for start in range(0, len(asked), _ASKED):
        batch = _Batch(tables, asked[start : start + _ASKED], limit)
        pairs = batch.probe(bits, wanted) if wanted else batch.scan(range(len(batch.asked)))
        found += [each._replace(asked=each.asked + start) for each in pairs]
    whose, entries, distances = map(np.concatenate, zip(*found, strict=True))
    _, first = np.unique(whose * len(tables.values) + entries, return_index=True)
    return NearPairs(whose[first], entries[first], distances[first])


def _search_reversed(values: Values, asked: Values, limit: int) -> NearPairs:
    """Search for the entries among the values asked, where the entries are few.

    So each pass is over the longer of the two.
    """
    pairs = _in_order(asked, values, limit)
    found = [_NOTHING, *(NearPairs(whose, np.full(len(whose), entry), distances) for entry, whose, distances in pairs)]
    return NearPairs(*map(np.concatenate, zip(*found, strict=True)))


def _probes_if_faster(values: Values, bits: int, limit: int) -> Probes | None:
    """The buckets to search; None where comparing with all entries in order is faster."""
    wanted = probes(values.shape[1], bits, limit)
    return wanted if wanted and len(wanted.flips) * _SCANNED_LIKE_PROBED < len(values) else None


class _Batch(NamedTuple):
    """Some values that are searched for together."""

    tables: Tables
    asked: Values
    limit: int

    def probe(self, bits: int, wanted: Probes) -> Iterator[NearPairs]:
        """Search the buckets, and the whole list for values whose buckets hold very many entries."""
        ranges = self._ranges(bits, wanted)
        if ranges.sizes.sum() * _CROWD > len(self.tables.values):
            sizes = np.bincount(ranges.asked, ranges.sizes, len(self.asked))
            crowded = sizes * _CROWD > len(self.tables.values)
            yield from self.scan(np.flatnonzero(crowded).tolist())
            ranges = ranges.only(~crowded[ranges.asked])
        yield from self._compare(ranges)

    def scan(self, positions: Iterable[int]) -> Iterator[NearPairs]:
        """Compare with every entry in order."""
        some = list(positions)
        for number, entries, distances in _in_order(self.tables.values, self.asked[some], self.limit):
            yield NearPairs(np.full(len(entries), some[number]), entries, distances)

    def _ranges(self, bits: int, wanted: Probes) -> _Ranges:
        """The entries of the buckets to search."""
        own = placed(self.asked, bits)
        numbers = (own.buckets.take(wanted.parts, axis=1) ^ wanted.flips).ravel()
        filled = self.tables.filled(numbers)
        asked = filled // len(wanted.flips)
        left = wanted.left.take(filled - asked * len(wanted.flips))
        sketches = own.sketches.take(wanted.parts, axis=1).take(filled)
        return _Ranges(asked, sketches, left, *self.tables.ranges(numbers.take(filled)))

    def _compare(self, ranges: _Ranges) -> Iterator[NearPairs]:
        for some in _steps(ranges):
            ends = np.cumsum(some.sizes)
            which = np.repeat(np.arange(len(ends)), some.sizes)
            places = np.arange(ends[-1]) + (some.starts - ends + some.sizes).take(which)
            apart = np.bitwise_count(self.tables.sketches.take(places) ^ some.sketches.take(which))
            maybe = np.flatnonzero(apart <= some.left.take(which))
            entries, whose = self.tables.entries.take(places[maybe]), some.asked.take(which[maybe])
            distances = _differing_bits(_rows(self.tables.values, entries), _rows(self.asked, whose))
            near = np.flatnonzero(distances <= self.limit)
            yield NearPairs(whose[near], entries[near].astype(np.int64), distances[near])


def _in_order(values: Values, sought: Values, limit: int) -> Iterator[tuple[int, Numbers, NDArray[np.uint16]]]:
    """For each value sought, by number: the values at most `limit` bits away, and how far.

    They come some at a time. A block of values stays in the cache for all that are sought, by columns: by rows it
    takes several times as long.
    """
    for start in range(0, len(values), _STEP):
        rows = values[start : start + _STEP].view(np.uint64)
        columns = np.ascontiguousarray(rows[:, : _HEAD // 8].T)
        for number, words in enumerate(sought.view(np.uint64)):
            heads = np.bitwise_count(columns[0] ^ words[0])
            for column, word in zip(columns[1:], words[1:], strict=False):
                heads += np.bitwise_count(column ^ word)
            if len(maybe := np.flatnonzero(heads <= limit)):
                distances = _differing_bits(rows[maybe], words)
                near = distances <= limit
                yield number, maybe[near] + start, distances[near]


_NOTHING = NearPairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint16))


def _steps(ranges: _Ranges) -> Iterator[_Ranges]:
    """The ranges in groups of some `_STEP` comparisons; one range alone may have more."""
    ends = np.cumsum(ranges.sizes)
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.searchsorted(ends, np.arange(0, total, _STEP), side="right").tolist()
    for start, stop in itertools.pairwise([*dict.fromkeys(cuts), len(ends)]):
        yield ranges.only(slice(start, stop))


def _rows(values: Values, positions: Any) -> NDArray[np.uint64]:  # noqa: ANN401 - positions of any integer type
    """The values at these positions, in words.

    They are taken as one item each: measured several times as fast as by rows.
    """
    width = values.shape[1]
    words: NDArray[np.uint64] = values.view(f"V{width}").ravel().take(positions).view(np.uint64)
    return words.reshape(-1, width // 8)


def _differing_bits(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """The number of bits in which rows of words differ."""
    counts = np.bitwise_count(left ^ right)
    total: NDArray[np.uint16] = counts[:, 0].astype(np.uint16)
    for word in range(1, counts.shape[1]):  # a sum along rows of so few is slow
        total += counts[:, word]
    return total
