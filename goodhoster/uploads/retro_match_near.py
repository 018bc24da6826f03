"""Comparison of fingerprints seen before with new entries of a near list (see `seen`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.verdicts import Category


class NearEntries(Protocol):
    """Fingerprints of one kind; `checking.near` has them."""

    @property
    def source(self) -> str:
        """Source of the list: the name its matches carry."""

    @property
    def kind(self) -> FingerprintKind:
        """Kind of its fingerprints."""

    def touched(self, values: Sequence[bytes], limit: int) -> Sequence[int]:
        """Positions of those of very many values that lie so near an entry, be it a withdrawn one."""

    def find(self, values: Sequence[bytes], limit: int) -> Mapping[Category, int]:
        """Distance of the nearest entry to any of a picture's values, by category."""


@dataclass(frozen=True, slots=True)
class GrownNear:
    """New entries of a near list."""

    entries: NearEntries
    within: int
    """Bits that may differ."""


def near_news(seen: Sequence[tuple[str | None, str]], grown: GrownNear) -> Iterator[int]:
    """Files that the entries are near to, by position, where their last check did not report it.

    Of each file its columns `fingerprints` and `matches`. All are compared together first, and those few that are
    near anything once more by themselves.
    """
    entries = grown.entries
    pictures = [_values(fingerprints, entries.kind) for fingerprints, _ in seen]
    whose = [number for number, values in enumerate(pictures) for _ in values]
    together = [value for values in pictures for value in values]
    for number in sorted({whose[position] for position in entries.touched(together, grown.within)}):
        categories = entries.find(pictures[number], grown.within)
        if not all(was_told(seen[number][1], entries.source, entries.kind, category) for category in categories):
            yield number


def was_told(matches: str, source: str, algorithm: str, category: Category) -> bool:
    """Whether the check with this column `matches` reported that."""
    return [source, algorithm, category] in [match[:3] for match in json.loads(matches)]


def _values(fingerprints: str | None, kind: FingerprintKind) -> list[bytes]:
    """Values of a picture to look up, in all its positions and frames."""
    wanted = (word for word in (fingerprints or "").split() if word.startswith(f"{kind}:"))
    return [value for taken in map(Fingerprint.parse, wanted) if taken.matchable for value in taken.values]
