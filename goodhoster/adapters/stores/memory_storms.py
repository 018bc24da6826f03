"""Storms and the brake's counts in memory, for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from goodhoster.errors import RefusedError
from goodhoster.model.ids import complete_name
from goodhoster.model.storms import Cause, Counted, CountedCase, Storm, StormState

_HOUR = 60  # minutes


class MemoryStormStore:
    """See `ports.StormStore` and `ports.MatchLedger`."""

    def __init__(self) -> None:
        self._storms: dict[str, Storm] = {}
        self._opened: dict[str, CountedCase] = {}
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._last: dict[tuple[str, str, bytes], int] = {}
        self._asked: dict[tuple[bytes, str], datetime] = {}

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

    def leading(self, states: frozenset[StormState]) -> Sequence[Storm]:
        """See `ports.StormStore`."""
        return [storm for storm in self._storms.values() if storm.state in states and not storm.part_of]

    def complete(self, part: str) -> str:
        """See `ports.StormStore`."""
        return complete_name(part, self._storms, "storm")

    def being_decided(self) -> Sequence[Storm]:
        """See `ports.StormStore`."""
        return [storm for storm in self._storms.values() if storm.decision_holder]

    def get(self, storm_id: str) -> Storm:
        """See `ports.StormStore`."""
        if storm_id not in self._storms:
            raise RefusedError(f"there is no storm {storm_id}", hint="see: goodhoster storms list")
        return self._storms[storm_id]

    def note(self, opened: CountedCase) -> None:
        """See `ports.MatchLedger`."""
        self._opened[opened.case_id] = opened

    def count(self, counted: Counted) -> None:
        """See `ports.MatchLedger`."""
        minute, key = _minute(counted.at), (counted.scope, counted.customer, counted.sha256)
        if minute - _HOUR < self._last.get(key, minute - _HOUR) <= minute:
            return
        self._last[key] = minute
        if counted.share is None or self.counted(counted.scope, counted.customer, counted.at) < counted.share:
            self._counts[counted.scope, "", minute] += 1
        self._counts[counted.scope, counted.customer, minute] += 1

    def counted(self, scope: str, customer: str, until: datetime) -> int:
        """See `ports.MatchLedger`."""
        end = _minute(until)
        return sum(self._counts[scope, customer, minute] for minute in range(end - _HOUR + 1, end + 1))

    def forget(self, scope: str, customer: str = "") -> None:
        """See `ports.MatchLedger`."""
        self._counts = Counter({key: n for key, n in self._counts.items() if not _is_of(key, scope, customer)})
        self._last = {key: minute for key, minute in self._last.items() if not _is_of(key, scope, customer)}

    def ask(self, sha256: bytes, customer: str, at: datetime) -> None:
        """See `ports.MatchLedger`."""
        key = (sha256, customer)
        self._asked[key] = max(at, self._asked.get(key, at))

    def askers(self, sha256: bytes, since: datetime, until: datetime) -> frozenset[str]:
        """See `ports.MatchLedger`."""
        found = ((customer, at) for (content, customer), at in self._asked.items() if content == sha256)
        return frozenset(customer for customer, at in found if since <= at <= until)

    def matches(self, source: str, since: datetime, until: datetime) -> int:
        """See `ports.MatchLedger`."""
        return sum(since <= one.at < until and _by_source(one, source) for one in self._opened.values())

    def measured(self, source: str, since: datetime, until: datetime, most: int) -> tuple[str, ...]:
        """See `ports.MatchLedger`."""
        found = [one for one in self._opened.values() if one.automatic and since <= one.at <= until]
        by_source = [one for one in found if _by_source(one, source)]
        newest_first = sorted(by_source, key=lambda one: (one.at, one.case_id), reverse=True)
        return tuple(one.case_id for one in newest_first[:most])

    def held(self, storm_id: str) -> tuple[str, ...]:
        """See `ports.MatchLedger`."""
        return tuple(sorted(one.case_id for one in self._opened.values() if one.storm == storm_id))


def _by_source(opened: CountedCase, source: str) -> bool:
    return not source or source in opened.sources


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _is_of(key: tuple[str, str, object], scope: str, customer: str) -> bool:
    return key[0] == scope and customer in {"", key[1]}
