"""Checks and matches of each week, as in figure 1 of the letter. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from goodhoster.model.audit import AuditEntry
from goodhoster.model.cases import Case
from goodhoster.reports.periods import Period, week_of

CHECKS_COUNTED = "checks.counted"
"""Kind of the entry with the checks of a day, which the daemon makes."""
KEPT = "kept"
"""Outcome of an attempt that was to be refused and that, its application says, was stored all the same."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CountedDay:
    """The contents that were asked about on one day (UTC) and got an answer."""

    day: date
    checks: int
    entry: int | None = None
    """Number of the entry that says so; None for a day that is not over, of which the index tells."""


@dataclass(slots=True)
class Week:
    """One ISO week, Monday to Sunday, UTC."""

    name: str
    checks: int = 0
    days: int = 0
    """Days whose checks were counted; of the others nobody knows, which is not the same as none."""
    matches: int = 0
    """Files that a source knew, exactly or nearly, each once."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """What became of those by now."""
    overruled: int = 0
    """Matches of what a person had restored before."""
    reported: int = 0
    """URLs in notices."""
    entries: list[int] = field(default_factory=list)
    """Entries of the log with the checks."""
    cases: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Weeks:
    """All weeks of a period, filled as record and log are read."""

    period: Period
    by_name: dict[str, Week] = field(default_factory=dict)

    def of(self, moment: datetime | date) -> Week:
        """The week of a moment."""
        name = week_of(moment.date() if isinstance(moment, datetime) else moment)
        return self.by_name.setdefault(name, Week(name))

    def take_days(self, days: Iterable[CountedDay]) -> None:
        """Count the checks of days; of a day that is there twice the first counts."""
        seen: set[date] = set()
        first, last = self.period.since.date(), (self.period.until - timedelta(microseconds=1)).date()
        for each in days:
            if each.day in seen or not first <= each.day <= last:
                continue
            seen.add(each.day)
            week = self.of(each.day)
            week.checks += each.checks
            week.days += 1
            week.entries += [] if each.entry is None else [each.entry]

    def take_case(self, case: Case) -> None:
        """Count a case where a match opened it or came to it."""
        if case.matches and case.opened_at in self.period:
            week = self.of(case.opened_at)
            week.matches += 1
            week.outcomes[KEPT if case.is_kept else case.state] += 1
            week.cases.append(case.id)

    def take_overruled(self, at: datetime) -> None:
        """Count a match that a person had overruled beforehand."""
        if at in self.period:
            self.of(at).overruled += 1

    def take_reported(self, received_at: datetime) -> None:
        """Count a URL of a notice."""
        self.of(received_at).reported += 1

    def in_order(self) -> list[Week]:
        """From the first week in which anything was counted to the last, without a gap."""
        if not self.by_name:
            return []
        names = sorted(self.by_name)
        day, last = _monday(names[0]), _monday(names[-1])
        while day <= last:
            self.of(day)
            day += 7 * _DAY
        return [self.by_name[name] for name in sorted(self.by_name)]


def checks_by_day(entries: Iterable[AuditEntry]) -> Iterator[CountedDay]:
    """The days that the log has; an entry that is none of ours is passed over."""
    for entry in entries:
        if entry.event.kind == CHECKS_COUNTED:
            yield counted_day(entry)


def counted_day(entry: AuditEntry) -> CountedDay:
    """The day that an entry is about."""
    data = entry.event.data
    return CountedDay(date.fromisoformat(str(data["day"])), int(str(data["checks"])), entry.number)


def _monday(week: str) -> date:
    year, _, number = week.partition("-W")
    return date.fromisocalendar(int(year), int(number), 1)
