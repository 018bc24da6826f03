"""Matches from everything a service found: the nearest of each kind and category."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category, Match

FARTHEST = 31
"""Bits of a PDQ that may differ: the limit that the field uses (`facebook/ThreatExchange`)."""


@dataclass(frozen=True, slots=True)
class NearestEntry:
    """An entry that a service found."""

    category: Category
    distance: int | None
    """In bits; None when the service does not tell."""


def nearest(
    source: str, found: Iterable[tuple[Algorithm | FingerprintKind, NearestEntry]], *, within: int = FARTHEST
) -> tuple[Match, ...]:
    """One match for each kind and category, the gravest first.

    What has no distance reported is taken to be as far as can be: nothing may act on nearness that was not
    reported.
    """
    least: dict[tuple[Algorithm | FingerprintKind, Category], int] = {}
    for kind, one in found:
        apart = 0 if isinstance(kind, Algorithm) else within if one.distance is None else one.distance
        if apart <= within:
            key = (kind, one.category)
            least[key] = min(apart, least.get(key, apart))
    order = list(Category)
    ranked = sorted(least.items(), key=lambda item: (order.index(item[0][1]), item[0][0]))
    return tuple(Match(source, kind, category, distance) for (kind, category), distance in ranked)
