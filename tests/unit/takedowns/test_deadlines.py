"""Deadlines are elapsed time: neither daylight saving, nor a weekend, nor days without power move them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from goodhoster.model.notice_status import Notice, NoticeState, Receipt
from goodhoster.model.notices import Carrier, Notifier, NotifierCaps, NotifierKind, RemovalOrder
from goodhoster.takedowns.deadlines import DeadlineTerms, deadline_of, due_alerts, next_due
from goodhoster.testing.suites.notice_store import a_notice

HERE = ZoneInfo("Europe/Amsterdam")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TERMS = DeadlineTerms()
HOTLINE = Notifier(
    "hotline", "Hotline", NotifierKind.HOTLINE, ("hotline.example",), 86400.0, caps=NotifierCaps(1, 1), automatic=True
)
AUTHORITY = replace(HOTLINE, kind=NotifierKind.AUTHORITY)


def deadline(received: datetime, notifier: Notifier | None = None, order: RemovalOrder | None = None) -> datetime:
    read = a_notice().read
    assert read
    return deadline_of(Receipt("N1", received, Carrier.MAIL, bytes(32)), replace(read, order=order), notifier, TERMS)


def open_notice() -> Notice:
    return replace(a_notice(received_at=NOON), state=NoticeState.OPEN, deadline=NOON + DAY, sent=())


@pytest.mark.parametrize(
    ("received", "hour_there"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=HERE), 13),  # that night the clock goes forward
        (datetime(2026, 10, 24, 12, tzinfo=HERE), 11),  # and back
        (datetime(2026, 3, 6, 18, tzinfo=HERE), 18),  # a Friday evening
        (datetime(2026, 10, 25, 2, 30, tzinfo=HERE, fold=0), 1),
        (datetime(2026, 10, 25, 2, 30, tzinfo=HERE, fold=1), 2),
    ],
)
def test_a_day_is_24_hours_whatever_the_clock_on_the_wall_does(received: datetime, hour_there: int) -> None:
    end = deadline(received, HOTLINE)
    assert end - received.astimezone(UTC) == DAY
    assert end.astimezone(HERE).hour == hour_there


def test_the_shortest_term_counts() -> None:
    assert deadline(NOON) == NOON + DAY
    assert deadline(NOON, replace(HOTLINE, deadline=3600.0)) == NOON + HOUR
    assert deadline(NOON, AUTHORITY) == NOON + 12 * HOUR
    soon = RemovalOrder("Authority", deadline=(NOON + HOUR).astimezone(HERE))
    assert deadline(NOON, AUTHORITY, soon) == NOON + HOUR


def test_an_order_that_was_over_before_we_had_it_starts_at_our_receipt() -> None:
    assert deadline(NOON, AUTHORITY, RemovalOrder("Authority", deadline=NOON - DAY)) == NOON + 12 * HOUR


def test_a_term_counts_from_our_receipt_however_long_the_order_was_on_its_way() -> None:
    late = RemovalOrder("Authority", deadline=NOON - HOUR, term=3600.0)
    assert deadline(NOON, AUTHORITY, late) == NOON + HOUR


def test_after_two_days_down_it_is_overdue_and_that_is_told_once() -> None:
    notice, after = open_notice(), NOON + 2 * DAY
    assert notice.overdue(after)
    assert [code for code, _ in due_alerts(notice, after, TERMS)] == ["page-overdue"]
    assert not list(due_alerts(replace(notice, sent=("page-overdue",)), after, TERMS))


def test_what_was_received_while_the_clock_was_ahead_is_overdue_at_once() -> None:
    notice, before = open_notice(), NOON - 400 * DAY
    assert notice.overdue(before)
    assert [code for code, _ in due_alerts(notice, before, TERMS)] == ["page-overdue"]
    assert not notice.overdue(NOON - timedelta(minutes=1)), "a clock that is corrected a little"


def test_it_is_told_before_and_it_comes_up_at_these_moments() -> None:
    notice = replace(open_notice(), items=(replace(open_notice().items[0], next_check_at=None),))
    assert not list(due_alerts(notice, NOON + 20 * HOUR - timedelta(seconds=1), TERMS))
    assert [code for code, _ in due_alerts(notice, NOON + 20 * HOUR, TERMS)] == ["page-warning"]
    assert next_due(notice, NOON, TERMS) == NOON + 20 * HOUR
    code = replace(notice, sent=("page-warning",))
    assert next_due(code, NOON + 20 * HOUR, TERMS) == NOON + DAY
    assert next_due(replace(code, sent=("page-overdue",)), NOON + 2 * DAY, TERMS) is None


def test_of_a_short_term_the_last_quarter_warns() -> None:
    notice = replace(open_notice(), deadline=NOON + HOUR)
    assert not list(due_alerts(notice, NOON + 44 * HOUR / 60, TERMS))
    assert [code for code, _ in due_alerts(notice, NOON + 45 * HOUR / 60, TERMS)] == ["page-warning"]


def test_nothing_is_told_when_the_clock_stands_still() -> None:
    stopped = replace(open_notice(), state=NoticeState.DONE, stopped_at=NOON + HOUR)
    assert not stopped.overdue(NOON + 9 * DAY)
    assert not list(due_alerts(stopped, NOON + 9 * DAY, TERMS))
