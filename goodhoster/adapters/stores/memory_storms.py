"""Storms and what the brake counts, in memory, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from goodhoster.errors import RefusedError
from goodhoster.model.storms import Cause, Opened, Storm


class MemoryStormStore:
    """See `ports.StormStore` and `ports.MatchLedger`."""

    def __init__(self) -> None:
        self._storms: dict[str, Storm] = {}
        self._opened: dict[str, Opened] = {}

    def begin(self, storm: Storm) -> bool:
        """See `ports.StormStore`."""
        if any(other.braking and other.cause == storm.cause for other in self._storms.values()):
            return False
        self._storms[storm.id] = storm
        return True

    def replace(self, storm: Storm) -> None:
        """See `ports.StormStore`."""
        self._storms[storm.id] = storm

    def newest(self, causes: Iterable[Cause]) -> Mapping[Cause, Storm]:
        """See `ports.StormStore`."""
        wanted = set(causes)
        return {storm.cause: storm for storm in self._storms.values() if storm.cause in wanted}

    def braking(self, part_of: str = "") -> Sequence[Storm]:
        """See `ports.StormStore`."""
        return [storm for storm in self._storms.values() if storm.braking and storm.part_of == part_of]

    def get(self, storm_id: str) -> Storm:
        """See `ports.StormStore`."""
        if storm_id not in self._storms:
            raise RefusedError(f"there is no storm {storm_id}", hint="see: goodhoster storms list")
        return self._storms[storm_id]

    def note(self, opened: Opened) -> None:
        """See `ports.MatchLedger`."""
        self._opened[opened.case_id] = opened

    def measures(self, source: str, since: datetime, most: int) -> int:
        """See `ports.MatchLedger`."""
        return min(most, len(self._by(source, since)))

    def matches(self, source: str, since: datetime, until: datetime) -> int:
        """See `ports.MatchLedger`."""
        return sum(since <= one.at < until and _by_source(one, source) for one in self._opened.values())

    def measured(self, source: str, since: datetime, most: int) -> tuple[str, ...]:
        """See `ports.MatchLedger`."""
        newest_first = sorted(self._by(source, since), key=lambda one: (one.at, one.case_id), reverse=True)
        return tuple(one.case_id for one in newest_first[:most])

    def held(self, storm_id: str) -> tuple[str, ...]:
        """See `ports.MatchLedger`."""
        return tuple(sorted(one.case_id for one in self._opened.values() if one.storm == storm_id))

    def close(self) -> None:
        """Nothing to give back."""

    def _by(self, source: str, since: datetime) -> list[Opened]:
        return [one for one in self._opened.values() if one.automatic and one.at >= since and _by_source(one, source)]


def _by_source(opened: Opened, source: str) -> bool:
    return not source or source in opened.sources
