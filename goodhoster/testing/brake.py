"""A brake that remembers in memory, for tests of the case desk."""

from __future__ import annotations

from datetime import datetime

from goodhoster.adapters.pagers.memory import MemoryPager
from goodhoster.adapters.stores.memory_storms import MemoryStormStore
from goodhoster.cases.storms import StormBrake
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import AuditLog, CaseStore, Clock


class MadeUpCensus:
    """See `ports.Census`: tests fill it in."""

    def __init__(self) -> None:
        self.having: dict[bytes, frozenset[str]] = {}
        self.checks: list[tuple[datetime, int]] = []

    def customers_having(self, sha256: bytes, most: int) -> frozenset[str]:
        """The customers that were filled in."""
        return frozenset(sorted(self.having.get(sha256, ()))[:most])

    def checks_between(self, since: datetime, until: datetime) -> int:
        """The checks that were filled in."""
        return sum(count for at, count in self.checks if since <= at <= until)


def brake_in_memory(store: CaseStore, audit: AuditLog, rules: HouseRules, clock: Clock) -> StormBrake:
    """A `StormBrake` over a record and a log of your choice."""
    storms = MemoryStormStore()
    return StormBrake(storms, storms, MadeUpCensus(), store, audit, MemoryPager(), rules, clock)
