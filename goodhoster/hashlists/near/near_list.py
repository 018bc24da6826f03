"""The near list of one source and kind over all its segments, newest first.

A newer segment takes precedence over an older one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from goodhoster.hashlists.near.header import CATEGORIES, WITHDRAWN
from goodhoster.hashlists.near.parts import Values
from goodhoster.hashlists.near.segment import Segment
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category


class NearList:
    """A near list made of its current segments, newest first, one at least.

    Any number of threads may use it at once.
    """

    def __init__(self, source: str, kind: FingerprintKind, segments: Sequence[Segment]) -> None:
        self.source = source
        self.kind = kind
        self.segments = tuple(segments)

    def find(self, values: Sequence[bytes], limit: int) -> Mapping[Category, int]:
        """The smallest distance per category, of entries within `limit` bits of any of the values.

        No such entry is missed. ValueError for a value of another length than the kind's.
        """
        asked = as_rows(values, self.kind)
        nearest: dict[Category, int] = {}
        newer: list[Values] = []
        for segment in self.segments:
            found = segment.search(asked, limit)
            values_found = segment.tables.values[found.entries]
            counts = _not_among(newer, values_found)
            categories, distances = segment.tables.categories[found.entries[counts]], found.distances[counts]
            for byte in set(categories.tolist()) - {WITHDRAWN}:
                category, distance = Category(CATEGORIES[byte]), int(distances[categories == byte].min())
                nearest[category] = min(distance, nearest.get(category, distance))
            newer.append(values_found)
        return nearest

    def touched(self, values: Sequence[bytes], limit: int) -> list[int]:
        """Positions of the values that are at most `limit` bits from an entry.

        A withdrawn entry counts too: `find` tells more about those values. Very many in one call cost far less
        each than few.
        """
        asked = as_rows(values, self.kind)
        found = [segment.touched(asked, limit) for segment in self.segments]
        positions: list[int] = np.unique(np.concatenate([np.empty(0, np.int64), *found])).tolist()
        return positions

    @property
    def version(self) -> str:
        """An identifier of the list's current contents."""
        return " ".join(segment.header.body for segment in self.segments)

    def since(self, version: str) -> NearList | None:
        """The part of the list written after that version; None when nothing was.

        It holds all that is new since then, and those of the other entries that were written again with it.
        """
        before = version.split()
        new = [segment for segment in self.segments if segment.header.body not in before]
        return NearList(self.source, self.kind, new) if new else None

    @property
    def created(self) -> datetime:
        """When the list was last imported, UTC."""
        return max(segment.header.created for segment in self.segments)

    def verify(self) -> None:
        """Read the whole list; ConfigurationError when it is not what was written."""
        for segment in self.segments:
            segment.verify()

    def categories_of(self, values: Values) -> NDArray[np.uint8]:
        """The category byte of each value, `WITHDRAWN` for those that are not in the list."""
        found = np.full(len(values), WITHDRAWN, np.uint8)
        for segment in reversed(self.segments):
            there, positions = segment.positions(values)
            found[there] = segment.tables.categories[positions]
        return found

    def tally(self) -> Mapping[Category, int]:
        """Number of entries by category; withdrawn and replaced ones are not counted."""
        counts = np.zeros(len(CATEGORIES), np.int64)
        for age, segment in enumerate(self.segments):
            overlaid = np.zeros(len(segment), bool)
            for newer in self.segments[:age]:
                overlaid[segment.positions(newer.tables.values)[1]] = True
            counts += np.bincount(segment.tables.categories[~overlaid], minlength=len(CATEGORIES))
        return {category: count for category, count in zip(CATEGORIES, counts.tolist(), strict=True) if category}

    def __len__(self) -> int:
        return sum(self.tally().values())


def as_rows(values: Sequence[bytes], kind: FingerprintKind) -> Values:
    """Fingerprints as rows of an array.

    ValueError when one is of another length than the kind's.
    """
    if not {kind.width}.issuperset(map(len, values)):
        raise ValueError(f"a {kind} fingerprint has {kind.width} bytes")
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, kind.width)


def _not_among(newer: Sequence[Values], values: Values) -> NDArray[np.bool_]:
    """Mask of the values that no newer segment has found too.

    In a newer segment a value may have another category, or be withdrawn.
    """
    if not newer:
        return np.ones(len(values), bool)
    seen = {row.tobytes() for rows in newer for row in rows}
    return np.fromiter((row.tobytes() not in seen for row in values), bool, len(values))
