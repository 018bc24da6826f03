"""Hints are taken in turn by whose they are, and a flood of one customer's is its own gap."""

import os
from collections.abc import Iterator

import pytest

from goodhoster_agent.watching.events import Gap, Hint
from goodhoster_agent.watching.hint_queue import FairHintQueue

FLOOD = 60_000


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def whose(hint: Hint) -> str | None:
    _, srv, customer, *_ = [*os.fsdecode(hint.directory).split("/"), "", ""]
    return customer if srv == "srv" else None


def flood(hints: FairHintQueue, count: int = FLOOD, directory: bytes = b"/srv/evil/www/fl") -> None:
    for number in range(count):
        hints.put(Hint(directory, b"f%d" % number))


def all_of(hints: FairHintQueue) -> Iterator[Hint | Gap]:
    hints.end()
    while (batch := hints.take(500)) is not None:
        yield from batch


def test_one_customers_flood_holds_up_no_other() -> None:
    hints = FairHintQueue(whose)
    flood(hints)
    other = Hint(b"/srv/anna/www", b"a.jpg")
    hints.put(other)
    assert other in (hints.take(500) or [])


def test_many_customers_take_turns() -> None:
    hints = FairHintQueue(whose)
    for number in range(2000):
        flood(hints, 3, b"/srv/c%d" % number)
    first = [hint.directory for _ in range(4) for hint in hints.take(500) or [] if isinstance(hint, Hint)]
    assert len(first) == len(set(first)) == 2000


def test_hints_of_one_name_are_one_and_the_last_says_whether_it_settled() -> None:
    hints = FairHintQueue(whose)
    for settled in (False, True, False):
        hints.put(Hint(b"/srv/anna", b"a", settled=settled))
    hints.put(Hint(b"/srv/anna", b"b", is_directory=True))
    hints.put(Hint(b"/srv/anna", b"b"))
    assert list(all_of(hints)) == [
        Hint(b"/srv/anna", b"a", settled=False),
        Hint(b"/srv/anna", b"b", is_directory=True),
    ]


def test_a_flood_becomes_a_gap_of_the_directory_that_all_of_it_lies_in() -> None:
    clock = Clock()
    hints = FairHintQueue(whose, clock)
    flood(hints)
    assert hints.missed() == [b"/srv/evil/www/fl"]
    flood(hints, 10, b"/srv/evil/www/flat")
    assert hints.missed() == [b"/srv/evil/www"]
    taken = 0
    while taken < 20_000:
        batch = hints.take(500)
        assert batch
        assert not any(isinstance(told, Gap) for told in batch)
        taken += len(batch)
    clock.now = 5.0
    assert [told.below for told in hints.take(500) or [] if isinstance(told, Gap)] == [b"/srv/evil/www"]
    assert hints.missed() == []
    flood(hints, 1)
    assert hints.take(500) == [Hint(b"/srv/evil/www/fl", b"f0")]


def test_events_that_were_dropped_before_are_part_of_the_same_gap() -> None:
    clock = Clock()
    hints = FairHintQueue(whose, clock)
    hints.put(Gap("dropped", b"/srv/evil/www/fl"))
    hints.put(Hint(b"/srv/evil/mail", b"x"))
    hints.put(Hint(b"/srv/anna", b"a"))
    assert hints.take(500) == [Hint(b"/srv/anna", b"a")]
    clock.now = 5.0
    assert [told.below for told in hints.take(500) or [] if isinstance(told, Gap)] == [b"/srv/evil"]


def test_the_same_gap_of_everything_is_told_once() -> None:
    hints = FairHintQueue(whose)
    for reason in ("lost", "lost", "full"):
        hints.put(Gap(reason))
    assert list(all_of(hints)) == [Gap("lost"), Gap("full")]


@pytest.mark.slow
def test_what_waits_of_all_is_bounded() -> None:
    hints = FairHintQueue(whose, Clock())
    for number in range(30):
        flood(hints, 20_000, b"/srv/c%d" % number)
    told = list(all_of(hints))
    assert 150_000 < len(told) <= 200_000 + 30 * 100
    assert len(hints.missed()) > 15


def test_what_lies_in_no_tree_is_dropped() -> None:
    hints = FairHintQueue(whose)
    hints.put(Hint(b"/etc", b"passwd"))
    assert list(all_of(hints)) == []
