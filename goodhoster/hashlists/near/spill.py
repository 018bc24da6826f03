"""Fingerprints to be imported into near lists, buffered in little memory."""

from __future__ import annotations

from collections.abc import Iterator

from goodhoster.hashlists.near.header import CATEGORIES
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category

NearEntry = tuple[FingerprintKind, bytes, Category | None]
"""A fingerprint and how its source classifies it; None: the source withdraws it."""


class Spill:
    """Buffered entries of any kind, one byte each beside the values. False while it is empty."""

    def __init__(self) -> None:
        self.values = {kind: bytearray() for kind in FingerprintKind}
        """Of each kind, one after the other."""
        self.categories = {kind: bytearray() for kind in FingerprintKind}
        """Positions in CATEGORIES, in the same order."""

    def add(self, entry: NearEntry) -> None:
        """Add an entry. ValueError for a value of another length than the kind's."""
        kind, value, category = entry
        if len(value) != kind.width:
            raise ValueError(f"a {kind} fingerprint has {kind.width} bytes and not {len(value)}")
        self.values[kind] += value
        self.categories[kind].append(CATEGORIES.index(category))

    def __bool__(self) -> bool:
        return any(self.values.values())

    def __iter__(self) -> Iterator[NearEntry]:
        for kind, values in self.values.items():
            for position, category in enumerate(self.categories[kind]):
                start = position * kind.width
                yield kind, bytes(values[start : start + kind.width]), CATEGORIES[category]
