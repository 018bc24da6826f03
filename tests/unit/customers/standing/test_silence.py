"""Silence is a fact only where our letter arrived in time, nothing came back, and a day has passed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.customers.standing.facts import AllFacts
from goodhoster.customers.standing.silence import SilenceFacts
from goodhoster.model.customers.contact_requests import Answered, Forwarding, RequestKind
from goodhoster.model.customers.standing import FactKind, FactState
from tests.unit.customers.test_contacts import House


class Silent:
    def __init__(self, folder: Path) -> None:
        self.house = House(folder)
        self.facts = SilenceFacts(self.house.desk, self.house.store, self.house.outbox.delivered_at, self.house.clock)

    def later(self, **span: float) -> None:
        self.house.now += timedelta(**span)
        self.house.desk.process_due()

    def states(self) -> list[FactState]:
        found = self.facts.facts_of("anna")
        since = self.facts.by_customer(self.house.now - timedelta(days=400)).get("anna", [])
        assert list(since) == list(found)
        assert AllFacts((self.facts,)).facts_of("anna") == list(found)
        assert all(fact.kind is FactKind.SILENCE for fact in found)
        return [fact.state for fact in found]


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Silent]:
    silent = Silent(tmp_path)
    yield silent
    silent.house.record.close()


def drill(silent: Silent, *, delivered: bool = True) -> str:
    request = silent.house.desk.ask("anna", RequestKind.DRILL, "eva")
    if delivered:
        silent.house.letter()
    return request.id


def test_a_drill_that_arrived_and_was_not_answered_is_a_fact_a_day_after_its_end(silent: Silent) -> None:
    drill(silent)
    silent.later(hours=47)
    assert silent.states() == []
    silent.later(hours=2)
    assert silent.states() == [FactState.UNCHECKED]
    silent.later(days=1)
    assert silent.states() == [FactState.CONFIRMED]


def test_a_letter_that_did_not_leave_or_left_late_proves_nothing(silent: Silent) -> None:
    drill(silent, delivered=False)
    silent.later(hours=30)
    silent.house.letter()  # the mail server was away for most of the time
    silent.later(hours=20)
    silent.later(days=2)
    assert silent.states() == [FactState.UNCHECKED]


def test_a_letter_that_never_left_proves_nothing(silent: Silent) -> None:
    drill(silent, delivered=False)
    silent.later(days=9)
    silent.later(days=9)
    assert silent.states() == [FactState.UNCHECKED]


def test_what_came_back_is_no_silence(silent: Silent) -> None:
    request = drill(silent)
    silent.house.store.fail(request, silent.house.now, "a letter came back: 5.1.1")
    silent.later(days=9)
    assert silent.states() == []


def test_nor_is_what_was_answered_in_time_or_while_our_own_server_was_away(silent: Silent) -> None:
    first = drill(silent)
    silent.house.store.answer(first, silent.house.now, Answered.REPLY)
    second = drill(silent)
    silent.later(hours=49)
    silent.later(hours=5)
    silent.house.store.answer(second, silent.house.now, Answered.REPLY)
    silent.later(days=9)
    assert silent.states() == []


def test_a_very_late_answer_leaves_the_fact(silent: Silent) -> None:
    request = drill(silent)
    silent.later(hours=49)
    silent.later(days=3)
    silent.house.store.answer(request, silent.house.now, Answered.REPLY)
    assert silent.states() == [FactState.CONFIRMED]


def test_a_forwarded_notice_counts_and_a_token_mail_does_not(silent: Silent) -> None:
    silent.house.desk.ask("anna", RequestKind.VERIFY, "eva")
    assert silent.house.answer("YES")
    now = silent.house.now
    forwarding = Forwarding("N20260302-aaaaaaa", now, ("hxxp://a[.]example",), now + timedelta(hours=12), "the notice")
    silent.house.desk.forward("anna", forwarding)
    silent.house.letter()
    silent.house.desk.ask("anna", RequestKind.VERIFY, "eva")
    silent.later(days=8)
    silent.later(days=2)
    assert silent.states() == [FactState.CONFIRMED]
