"""Entries of near lists in memory, on their way to a file: one array of values and one of categories."""

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
        """From all values one after the other, and a category byte for each."""
        return cls(np.frombuffer(values, np.uint8).reshape(-1, width), np.frombuffer(categories, np.uint8))

    def __len__(self) -> int:
        return len(self.values)

    def only(self, which: NDArray[Any]) -> Entries:
        """Some of them, by position or by true and false."""
        return Entries(self.values[which], self.categories[which])

    def standing(self) -> Entries:
        """Those that are not withdrawn."""
        return self.only(self.categories != WITHDRAWN)

    def each_once(self) -> Entries:
        """Ascending; of equal values the gravest stays."""
        return self._ascending(self.categories)

    def over(self, older: Entries) -> Entries:
        """Both, ascending; of equal values these stay."""
        both = Entries(np.concatenate((self.values, older.values)), np.concatenate((self.categories, older.categories)))
        return both._ascending(np.arange(len(both)))

    def _ascending(self, rank: NDArray[Any]) -> Entries:
        """Each value once, the one of the lowest rank."""
        words = self.values.view(">u8")
        ordered = self.only(np.lexsort((rank, *(words[:, word] for word in reversed(range(words.shape[1]))))))
        first = np.ones(len(ordered), bool)
        first[1:] = (ordered.values[1:] != ordered.values[:-1]).any(axis=1)
        return ordered.only(first)


def by_kind(entries: Iterable[NearEntry]) -> dict[FingerprintKind, Entries]:
    """The entries of each kind, each once; kinds without any are left out. ValueError for a value of wrong length."""
    pile = Spill()
    for entry in entries:
        pile.add(entry)
    return {
        kind: Entries.of(kind.width, values, pile.categories[kind]).each_once()
        for kind, values in pile.values.items()
        if values
    }
