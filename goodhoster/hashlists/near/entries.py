"""Entries of near lists in memory: one array of values and one of categories.

They are on their way to a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from goodhoster.hashlists.near.header import WITHDRAWN
from goodhoster.hashlists.near.parts import Values
from goodhoster.hashlists.near.spill import NearEntry, Spill
from goodhoster.model.fingerprints import FingerprintKind


@dataclass(frozen=True, slots=True)
class Entries:
    """Fingerprints of one kind with their categories."""

    values: Values
    """A row each."""
    categories: NDArray[np.uint8]
    """Positions in `CATEGORIES`."""

    @classmethod
    def of(cls, width: int, values: bytes | bytearray, categories: bytes | bytearray) -> Self:
        """Entries made of concatenated values and one category byte for each."""
        return cls(np.frombuffer(values, np.uint8).reshape(-1, width), np.frombuffer(categories, np.uint8))

    def __len__(self) -> int:
        return len(self.values)

    def only(self, which: NDArray[Any]) -> Entries:
        """A selection of the entries, by position or by a boolean mask."""
        return Entries(self.values[which], self.categories[which])

    def standing(self) -> Entries:
        """The entries that are not withdrawn."""
        return self.only(self.categories != WITHDRAWN)

    def each_once(self) -> Entries:
        """The entries ascending and without duplicates; of equal values the gravest stays."""
        return self._ascending(self.categories)

    def over(self, older: Entries) -> Entries:
        """These and the older entries, ascending; of equal values these stay."""
        both = Entries(np.concatenate((self.values, older.values)), np.concatenate((self.categories, older.categories)))
        return both._ascending(np.arange(len(both)))

    def _ascending(self, rank: NDArray[Any]) -> Entries:
        """The entries ascending, each value once: the one of the lowest rank."""
        words = self.values.view(">u8")
        ordered = self.only(np.lexsort((rank, *(words[:, word] for word in reversed(range(words.shape[1]))))))
        first = np.ones(len(ordered), bool)
        first[1:] = (ordered.values[1:] != ordered.values[:-1]).any(axis=1)
        return ordered.only(first)


def by_kind(entries: Iterable[NearEntry]) -> dict[FingerprintKind, Entries]:
    """The entries of each kind, without duplicates; kinds without entries are left out.

    ValueError for a value of wrong length.
    """
    pile = Spill()
    for entry in entries:
        pile.add(entry)
    return {
        kind: Entries.of(kind.width, values, pile.categories[kind]).each_once()
        for kind, values in pile.values.items()
        if values
    }
