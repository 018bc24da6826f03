"""Checks by day: those that the index still has, and those that the log is given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from goodhoster.assembly.services import Services
from goodhoster.model.audit import AuditEvent
from goodhoster.reports.weekly import CHECKS_COUNTED, CountedDay, checks_by_day
from goodhoster.uploads.census import IndexCensus

_DAY = timedelta(days=1)


def counted_days(services: Services, now: datetime) -> Iterator[CountedDay]:
    """The checks of every day that the index still has."""
    census = IndexCensus(services.index.database)
    since = census.counted_since()
    day = since.date() if since else now.date() + _DAY
    while day <= now.date():
        yield CountedDay(day, _checks_of(census, day))
        day += _DAY


def _checks_of(census: IndexCensus, day: date) -> int:
    begin = datetime.combine(day, time(), UTC)
    return census.checks_between(begin, begin + timedelta(hours=23))  # both ends are hours that count


def count_checks(services: Services, today: date) -> None:
    """Add to the log the checks of every whole day (UTC) before today that it does not have yet."""
    census = IndexCensus(services.index.database)
    since = census.counted_since()
    if since is None:
        return
    day = since.date()  # of what was before, nobody knows: those days stay uncounted
    for counted in checks_by_day(services.audit.entries()):
        day = max(day, counted.day + _DAY)
    events = []
    while day < today:
        events.append(AuditEvent(CHECKS_COUNTED, {"day": day.isoformat(), "checks": _checks_of(census, day)}))
        day += _DAY
    services.audit.append_all(events)
