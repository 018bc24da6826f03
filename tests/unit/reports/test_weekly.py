"""Weeks, from entries of the log and cases of the record."""

from datetime import UTC, date, datetime

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.reports.facts import Facts
from goodhoster.reports.periods import Period, between, month_before, period_of
from goodhoster.reports.weekly import CountedDay
from goodhoster.reports.weekly_document import weekly_document

NOW = datetime(2026, 8, 5, 12, tzinfo=UTC)


def counted(number: int, day: str, checks: int) -> AuditEntry:
    return AuditEntry(number, NOW, AuditEvent("checks.counted", {"day": day, "checks": checks}), b"")


def weeks(facts: Facts) -> list[tuple[str, int | None, int]]:
    found = weekly_document(facts).data["weeks"]
    return [(week["week"], week["checks"], week["days_counted"]) for week in found]


def test_a_day_that_nobody_counted_is_not_a_day_without_checks() -> None:
    facts = Facts(Period(), NOW)
    facts.take_log([counted(0, "2026-07-19", 7), counted(1, "2026-08-03", 0)])
    assert weeks(facts) == [
        ("2026-W29", 7, 1),
        ("2026-W30", None, 0),
        ("2026-W31", None, 0),
        ("2026-W32", 0, 1),
    ]


def test_what_the_log_has_of_a_day_counts_before_what_the_index_has() -> None:
    facts = Facts(Period(), NOW)
    days = [CountedDay(date(2026, 8, 3), 5), CountedDay(date(2026, 8, 5), 3)]
    facts.take_log([counted(0, "2026-08-03", 900)], days)
    assert weeks(facts) == [("2026-W32", 903, 2)]


def test_a_period_has_only_its_own_days() -> None:
    facts = Facts(period_of("2026-08"), NOW)
    facts.take_log([counted(0, "2026-07-31", 1), counted(1, "2026-08-01", 10), counted(2, "2026-09-01", 100)])
    assert weeks(facts) == [("2026-W31", 10, 1)]


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026-W01", "2025-12-29", "2026-01-05"),
        ("2026-02-28", "2026-02-28", "2026-03-01"),
    ],
)
def test_a_period_by_name(name: str, since: str, until: str) -> None:
    period = period_of(name)
    assert (str(period.since.date()), str(period.until.date())) == (since, until)


@pytest.mark.parametrize("name", ["", "2026-13", "2026-W54", "2026-Q5", "last year", "2026-02-30", "9999"])
def test_what_is_no_period_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        period_of(name)


def test_days_and_moments_bound_a_period() -> None:
    assert between("2026-05-01", "2026-05-01T12:00:00+02:00").until == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert month_before(date(2026, 1, 31)).name == "2025-12"
    with pytest.raises(ConfigurationError):
        between("2026-05-02", "2026-05-01")
