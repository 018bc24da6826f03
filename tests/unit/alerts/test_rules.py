"""Quiet hours and kinds."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from goodhoster.alerts.rules import AlertRule, QuietHours
from goodhoster.model.alerts import Alert, AlertKind

NIGHT, NOON = QuietHours(time(22), time(7)), QuietHours(time(12), time(13, 30))
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("hours", "at", "over"),
    [
        (NIGHT, "2026-03-02T21:59", "2026-03-02T21:59"),
        (NIGHT, "2026-03-02T22:00", "2026-03-03T07:00"),
        (NIGHT, "2026-03-03T06:59", "2026-03-03T07:00"),
        (NIGHT, "2026-03-03T07:00", "2026-03-03T07:00"),
        (NOON, "2026-03-02T11:59", "2026-03-02T11:59"),
        (NOON, "2026-03-02T12:00", "2026-03-02T13:30"),
        (NOON, "2026-03-02T13:30", "2026-03-02T13:30"),
        (NIGHT, "2026-12-31T23:00", "2027-01-01T07:00"),
    ],
)
def test_quiet_hours_end_on_the_right_day(hours: QuietHours, at: str, over: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert hours.over_at(moment, UTC) == datetime.fromisoformat(over).replace(tzinfo=UTC)


def test_they_are_told_by_the_local_clock_also_when_it_changes() -> None:
    """In the night of 29 March 2026 the clocks go from 2 to 3."""
    moment = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)  # 23:30 in Amsterdam
    assert NIGHT.over_at(moment, AMSTERDAM) == datetime(2026, 3, 29, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize("kind", AlertKind)
def test_deadlines_alone_do_not_wait(kind: AlertKind) -> None:
    quiet = AlertRule("night", frozenset(AlertKind), quiet=QuietHours(time(0), time(23, 59)))
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    now = quiet.due_at(Alert("k", kind, "", "s", "t", noon), noon) == noon
    assert now is (kind in {AlertKind.DEADLINE, AlertKind.OVERDUE, AlertKind.TEST})
