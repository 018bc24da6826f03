"""Periods of reports, in UTC: a year, a quarter, a month, a week, or between two moments."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from goodhoster.errors import ConfigurationError

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_MONTHS = 12
_FORMS = "give a year (2026), quarter (2026-Q2), month (2026-05), week (2026-W31) or day (2026-05-17)"


@dataclass(frozen=True, slots=True)
class Period:
    """From one moment until before another; all of time where neither is given."""

    since: datetime = _EARLIEST
    until: datetime = _LATEST
    name: str = "all"

    def __contains__(self, moment: datetime) -> bool:
        return self.since <= moment < self.until

    @property
    def query_since(self) -> datetime | None:
        """For a query of the record: None where it has no beginning."""
        return None if self.since == _EARLIEST else self.since

    @property
    def query_until(self) -> datetime | None:
        """For a query of the record: None where it has no end."""
        return None if self.until == _LATEST else self.until

    def within(self, now: datetime) -> tuple[date, date]:
        """Its first and last day, as far as that is past."""
        last = min(self.until - timedelta(microseconds=1), now)
        return self.since.date(), last.date()


def period_of(name: str) -> Period:
    """The period of that name; ConfigurationError when it is none."""
    for pattern, bounds in _PATTERNS:
        if found := re.fullmatch(pattern, name):
            try:
                since, until = bounds(*map(int, found.groups()))
            except (ValueError, OverflowError) as error:
                raise ConfigurationError(f"there is no period {name}: {error}", hint=_FORMS) from error
            return Period(_midnight(since), _midnight(until), name)
    raise ConfigurationError(f"{name!r} is not a period", hint=_FORMS)


def between(since: str | None, until: str | None) -> Period:
    """The period from a day or moment until before another; each may be left out."""
    begin = _moment(since) if since else _EARLIEST
    end = _moment(until) if until else _LATEST
    if begin >= end:
        raise ConfigurationError(f"nothing lies between {since} and {until}", hint="--since must be before --until")
    return Period(begin, end, f"{since or ''}..{until or ''}" if since or until else "all")


def month_before(day: date) -> Period:
    """The last whole month before that day."""
    last = day.replace(day=1) - timedelta(days=1)
    return period_of(f"{last:%Y-%m}")


def this_year(day: date) -> Period:
    """The calendar year of that day."""
    return period_of(f"{day.year}")


def last_year(day: date) -> Period:
    """The 365 days up to that day, and the day itself."""
    begin, end = _midnight(day - timedelta(days=365)), _midnight(day + timedelta(days=1))
    return Period(begin, end, "last 365 days")


def week_of(day: date) -> str:
    """The ISO week of a day, such as 2026-W31."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is not a day or moment", hint="such as 2026-05-17") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _year(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year + 1, 1, 1)


def _month(year: int, month: int) -> tuple[date, date]:
    begin = date(year, month, 1)
    return begin, date(year + month // _MONTHS, month % _MONTHS + 1, 1)


def _quarter(year: int, quarter: int) -> tuple[date, date]:
    return _month(year, 3 * quarter - 2)[0], _month(year, 3 * quarter)[1]


def _week(year: int, week: int) -> tuple[date, date]:
    begin = date.fromisocalendar(year, week, 1)
    return begin, begin + timedelta(days=7)


def _day(year: int, month: int, day: int) -> tuple[date, date]:
    begin = date(year, month, day)
    return begin, begin + timedelta(days=1)


_PATTERNS: tuple[tuple[str, Callable[..., tuple[date, date]]], ...] = (
    (r"(\d{4})", _year),
    (r"(\d{4})-Q([1-4])", _quarter),
    (r"(\d{4})-W(\d\d)", _week),
    (r"(\d{4})-(\d\d)", _month),
    (r"(\d{4})-(\d\d)-(\d\d)", _day),
)
