"""The alert desk with a real queue on disk."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path

import pytest

from goodhoster.adapters.stores.alerts import SqliteAlertQueue
from goodhoster.alerts.desk import AlertDesk, Condition
from goodhoster.alerts.rules import AlertRule, QuietHours
from goodhoster.errors import PassingError
from goodhoster.model.alerts import Alert, AlertKind, DeliveryState

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERYTHING = frozenset(AlertKind)
MOVER = Condition(AlertKind.ALARM, "ALARM: the mover is not there, 3 measures wait for it: restart it")


@dataclass
class Phone:
    """A receiver in memory."""

    got: list[tuple[str, str]] = field(default_factory=list)
    trouble: Exception | None = None
    tried: int = 0

    def deliver(self, alert: Alert, delivery_id: str) -> None:
        self.tried += 1
        if self.trouble:
            raise self.trouble
        self.got.append((alert.subject, delivery_id))

    @property
    def subjects(self) -> list[str]:
        return [subject for subject, _ in self.got]


@dataclass
class Duty:
    folder: Path
    now: datetime = NOON
    phone: Phone = field(default_factory=Phone)
    other: Phone = field(default_factory=Phone)
    lasting: bool = False
    rule: AlertRule = field(default_factory=lambda: AlertRule("phone", EVERYTHING))

    def desk(self) -> AlertDesk:
        rules = [(self.rule, self.phone), (AlertRule("other", frozenset({AlertKind.STORM})), self.other)]
        queue = partial(SqliteAlertQueue, self.folder / "alerts.sqlite")
        return AlertDesk(queue, rules, lambda: self.now, lambda _: self.lasting)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def duty(tmp_path: Path) -> Duty:
    return Duty(tmp_path)


@pytest.fixture
def desk(duty: Duty) -> Iterator[AlertDesk]:
    with closing(duty.desk()) as desk:
        yield desk


def test_each_rule_gets_what_it_is_for_and_once(duty: Duty, desk: AlertDesk) -> None:
    for _ in range(2):
        desk.page("a storm", "text", AlertKind.STORM, "S1")
        desk.page("a deadline", "text", AlertKind.DEADLINE, "N1 page-warning")
        desk.deliver_due()
    assert (duty.phone.subjects, duty.other.subjects) == (["a storm", "a deadline"], ["a storm"])


def test_the_same_words_about_something_else_are_another_alert(duty: Duty, desk: AlertDesk) -> None:
    desk.page("there is a reply", "", AlertKind.NOTICE, "N1 page-reply-1")
    desk.page("there is a reply", "", AlertKind.NOTICE, "N1 page-reply-2")
    desk.deliver_due()
    assert len(duty.phone.got) == 2


def test_what_was_raised_before_a_crash_is_delivered_after_it(duty: Duty, desk: AlertDesk) -> None:
    desk.page("a storm", "text", AlertKind.STORM, "S1")
    with closing(duty.desk()) as again:  # the first was not closed
        again.deliver_due()
        again.page("a storm", "text", AlertKind.STORM, "S1")
        again.deliver_due()
    assert duty.phone.subjects == ["a storm"]


def test_a_crash_while_it_is_handed_over_repeats_it_under_the_same_id(duty: Duty, desk: AlertDesk) -> None:
    class PowerLossError(BaseException):
        """Ends the process."""

    desk.page("a deadline", "text", AlertKind.DEADLINE, "N1")
    accept = duty.phone.deliver

    def crash(alert: Alert, delivery_id: str) -> None:
        accept(alert, delivery_id)
        raise PowerLossError

    duty.phone.deliver = crash  # type: ignore[method-assign]
    with pytest.raises(PowerLossError):
        desk.deliver_due()
    duty.phone.deliver = accept  # type: ignore[method-assign]
    with closing(duty.desk()) as again:
        again.deliver_due()
        assert len(duty.phone.got) == 1, "another process may be at it"
        duty.later(seconds=91)
        again.deliver_due()
        again.deliver_due()
    (_, first), (_, second) = duty.phone.got
    assert first == second


def test_a_receiver_that_is_away_is_tried_more_and_more_seldom_and_keeps_nobody_waiting(
    duty: Duty, desk: AlertDesk
) -> None:
    duty.phone.trouble = PassingError("nobody answers")
    for number in range(20):
        desk.page(f"storm {number}", "", AlertKind.STORM, f"S{number}")
    desk.deliver_due()
    assert (duty.phone.tried, len(duty.other.got)) == (1, 20)
    assert desk.problems() == ["alerts by rule phone are not accepted: goodhoster alerts list"]
    for _ in range(24 * 60):
        duty.later(minutes=1)
        desk.deliver_due()
    assert 24 <= duty.phone.tried <= 36
    duty.phone.trouble = None
    duty.later(hours=1)
    desk.deliver_due()
    assert sorted(duty.phone.subjects) == sorted(f"storm {number}" for number in range(20))
    assert desk.problems() == []


def test_a_fault_of_a_receiver_stops_nobody(duty: Duty, desk: AlertDesk) -> None:
    duty.phone.trouble = RuntimeError("a fault")
    desk.page("a storm", "", AlertKind.STORM, "S1")
    desk.deliver_due()
    assert duty.other.subjects == ["a storm"]


def test_after_a_week_it_is_given_up_and_shown(duty: Duty, desk: AlertDesk) -> None:
    duty.phone.trouble = PassingError("nobody answers")
    desk.page("a deadline", "", AlertKind.DEADLINE, "N1")
    duty.later(days=7, seconds=1)
    desk.deliver_due()
    (found,) = desk.deliveries(10)
    assert (found.state, found.error, found.next_at) == (DeliveryState.GIVEN_UP, "nobody answers", None)


def test_quiet_hours_delay_and_a_deadline_comes_through(duty: Duty) -> None:
    ends = (NOON.astimezone() + timedelta(hours=2)).time().replace(tzinfo=None)
    begins = (NOON.astimezone() - timedelta(hours=1)).time().replace(tzinfo=None)
    duty.rule = AlertRule("phone", EVERYTHING, quiet=QuietHours(begins, ends))
    with closing(duty.desk()) as desk:
        desk.page("held", "", AlertKind.HELD, "C1")
        desk.page("a deadline", "", AlertKind.DEADLINE, "N1")
        desk.deliver_due()
        assert duty.phone.subjects == ["a deadline"]
        duty.later(hours=2)
        desk.deliver_due()
    assert duty.phone.subjects == ["a deadline", "held"]


def test_a_repetition_comes_while_it_lasts_and_under_another_id(duty: Duty) -> None:
    duty.rule, duty.lasting = AlertRule("phone", EVERYTHING, repeat=timedelta(hours=4)), True
    with closing(duty.desk()) as desk:
        desk.page("overdue", "", AlertKind.OVERDUE, "N1")
        for _ in range(9):
            desk.deliver_due()
            duty.later(hours=1)
        duty.lasting = False
        for _ in range(9):
            desk.deliver_due()
            duty.later(hours=1)
        assert [found.state for found in desk.deliveries(10)] == [DeliveryState.ACCEPTED]
    assert len({delivery_id for _, delivery_id in duty.phone.got}) == len(duty.phone.got) == 3


def _watch(duty: Duty, *conditions: Condition, seconds: int) -> None:
    with closing(duty.desk()) as desk:
        for _ in range(seconds // 5):
            desk.watch(conditions)
            desk.deliver_due()
            duty.later(seconds=5)


def test_a_condition_is_told_once_across_restarts_and_other_counts(duty: Duty) -> None:
    _watch(duty, MOVER, seconds=60)
    four = Condition(AlertKind.ALARM, MOVER.words.replace("3 measures", "4 measures"))
    _watch(duty, four, seconds=60)
    assert duty.phone.subjects == [f"goodhoster: {MOVER.words}"]


def test_paths_that_differ_by_a_number_are_two_conditions(duty: Duty) -> None:
    words = "ALARM: the watched tree /srv/disk 1 is not there"
    first = Condition(AlertKind.ALARM, "ALARM: the watched tree /srv/1 is not there: nothing of it is checked")
    second = Condition(AlertKind.ALARM, first.words.replace("/srv/1", "/srv/2"))
    _watch(duty, first, second, seconds=60)
    assert len(duty.phone.got) == 2, words


def test_a_condition_that_flickers_is_told_once_and_again_when_it_was_over(duty: Duty) -> None:
    for _ in range(3):
        _watch(duty, MOVER, seconds=30)
        _watch(duty, seconds=120)
    assert len(duty.phone.got) == 1
    _watch(duty, seconds=660)
    _watch(duty, MOVER, seconds=30)
    assert len(duty.phone.got) == 2


def test_a_moment_is_no_condition(duty: Duty) -> None:
    _watch(duty, MOVER, seconds=5)
    assert duty.phone.got == []


def test_an_alert_that_nobody_wants_is_in_the_log(duty: Duty, caplog: pytest.LogCaptureFixture) -> None:
    duty.rule = AlertRule("phone", frozenset({AlertKind.ALARM}))
    with closing(duty.desk()) as desk:
        desk.page("held", "look\nthere", AlertKind.HELD, "C1")
    assert "held (look there)" in caplog.messages


def test_a_command_hands_over_at_its_end_what_it_raised(duty: Duty) -> None:
    with closing(duty.desk()) as desk:
        desk.page("a storm", "text", AlertKind.STORM, "S1")
    assert duty.phone.subjects == ["a storm"]


def test_a_desk_that_raised_nothing_makes_no_file(duty: Duty) -> None:
    duty.desk().close()
    assert not (duty.folder / "alerts.sqlite").exists()


def test_a_rule_that_is_gone_gets_nothing(duty: Duty) -> None:
    duty.phone.trouble = PassingError("away")
    with closing(duty.desk()) as desk:
        desk.page("held", "", AlertKind.HELD, "C1")
    duty.rule = AlertRule("another", EVERYTHING, quiet=QuietHours(time(0), time(1)))
    duty.later(hours=2)
    with closing(duty.desk()) as desk:
        desk.deliver_due()
        assert [found.error for found in desk.deliveries(10)] == ["there is no such rule any more"]


@pytest.fixture
def limited(duty: Duty) -> Iterator[AlertDesk]:
    duty.rule = AlertRule("phone", EVERYTHING, per_hour=3)
    with closing(duty.desk()) as desk:
        yield desk


def flood(desk: AlertDesk, begin: int, end: int, kind: AlertKind = AlertKind.NOTICE) -> None:
    for number in range(begin, end):
        desk.page("there is a reply", "", kind, f"N{number}")


def test_a_flood_is_summed_up_in_the_last_message_of_the_hour(duty: Duty, limited: AlertDesk) -> None:
    flood(limited, 0, 50)
    limited.deliver_due()
    assert duty.phone.subjects == ["there is a reply"] * 2 + ["goodhoster: 48 alerts summed up: goodhoster alerts list"]
    flood(limited, 50, 60)
    duty.later(minutes=59)
    limited.deliver_due()
    assert len(duty.phone.got) == 3
    duty.later(minutes=2)
    limited.deliver_due()
    assert len(duty.phone.got) == 6
    assert duty.phone.subjects[-1] == "goodhoster: 8 alerts summed up: goodhoster alerts list"
    assert len({message for _, message in duty.phone.got}) == 6
    assert limited.counts() == {("phone", DeliveryState.ACCEPTED): 60}


def test_the_limit_holds_across_a_restart(duty: Duty, limited: AlertDesk) -> None:
    flood(limited, 0, 3)
    limited.deliver_due()
    with closing(duty.desk()) as again:
        flood(again, 3, 5)
        again.deliver_due()
    assert len(duty.phone.got) == 3


def test_deadlines_and_alarms_of_a_new_kind_come_through_a_flood(duty: Duty, limited: AlertDesk) -> None:
    flood(limited, 0, 50)
    flood(limited, 0, 5, AlertKind.OVERDUE)
    limited.page("the mover is gone, 3 measures wait", "", AlertKind.ALARM, "M1")
    limited.deliver_due()
    assert duty.phone.subjects.count("there is a reply") == 2 + 5
    assert duty.phone.subjects.count("the mover is gone, 3 measures wait") == 1
    limited.page("the mover is gone, 4 measures wait", "", AlertKind.ALARM, "M2")
    limited.page("the log is not whole", "", AlertKind.ALARM, "L")
    limited.deliver_due()
    assert "the mover is gone, 4 measures wait" not in duty.phone.subjects
    assert duty.phone.subjects[-1] == "the log is not whole"


def test_a_summary_that_was_not_accepted_comes_again(duty: Duty, limited: AlertDesk) -> None:
    flood(limited, 0, 2)
    limited.deliver_due()
    flood(limited, 2, 50)
    duty.phone.trouble = PassingError("nobody answers")
    limited.deliver_due()
    duty.phone.trouble = None
    duty.later(minutes=1)
    limited.deliver_due()
    assert duty.phone.subjects[2:] == ["goodhoster: 48 alerts summed up: goodhoster alerts list"]
    assert limited.counts() == {("phone", DeliveryState.ACCEPTED): 50}


def test_one_alert_that_is_never_accepted_holds_up_no_other(duty: Duty) -> None:
    """A webhook that refuses one text: the others of its rule came after hours, and after a week."""

    class Picky(Phone):
        def deliver(self, alert: Alert, delivery_id: str) -> None:
            self.tried += 1
            if alert.subject == "poison":
                raise ValueError("that text cannot be encoded")
            self.got.append((alert.subject, delivery_id))

    duty.phone = Picky()
    with closing(duty.desk()) as desk:
        desk.page("poison", "", AlertKind.STORM, "P")
        desk.deliver_due()
        for number in range(40):
            desk.page(f"storm {number}", "", AlertKind.DEADLINE, f"S{number}")
            for _ in range(5):
                duty.later(minutes=1)
                desk.deliver_due()
            assert duty.phone.subjects[-1:] == [f"storm {number}"]
        (tries,) = (one.tries for one in desk.deliveries(100) if (one.alert.subject, one.rule) == ("poison", "phone"))
        assert tries >= 3
