"""Providers are asked again by themselves, more and more seldom; customers compared when something changed."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.assembly.customer_services import FILE
from goodhoster.assembly.services import Services
from goodhoster.model.customers.register import Customer
from goodhoster.model.customers.vetting import CheckOutcome
from goodhoster.settings import load
from goodhoster.testing.http_answers import reply
from goodhoster.testing.identity_provider import FakeIdentityProvider
from goodhoster.testing.suites.customer_store import imported
from goodhoster_agent.background.vetting import IdentityTask, ScreeningTask
from tests.unit.customers.test_vetting_desk import JAN, NOW, Desk, made, provided, server

__all__ = ["made", "server"]


class Rounds:
    def __init__(self, made: Desk, server: FakeIdentityProvider) -> None:
        self.made, self.server = made, server
        self.seconds = 0.0
        desk = provided(made, server)
        self.rounds = IdentityTask(lambda: desk, lambda: self.seconds)

    def later(self, seconds: float) -> int:
        """How often the provider was asked in a round so much later."""
        self.seconds += seconds
        self.made.now += timedelta(seconds=seconds)
        before = len(self.server.requests)
        assert self.rounds.run_once() > 0
        return len(self.server.requests) - before

    def outcomes(self, customer: str) -> list[CheckOutcome]:
        return [one.outcome for one in self.made.parts.store.evidence_of(customer)]


@pytest.fixture
def rounds(made: Desk, server: FakeIdentityProvider) -> Rounds:
    rounds = Rounds(made, server)
    for number, customer in enumerate(("anna", "bob", "acme")):
        server.set(f"s{number}", "pending", NOW - timedelta(hours=1))
        made.parts.store.open_session("idp", f"s{number}", customer)
    return rounds


def test_a_session_is_asked_about_until_it_is_settled_more_and_more_seldom(rounds: Rounds) -> None:
    assert rounds.later(0) == 3
    assert [rounds.later(60) for _ in range(3)] == [0, 0, 0]
    assert rounds.later(600) == 3
    assert rounds.later(600) == 0
    assert rounds.later(600) == 3
    rounds.server.set("s0", "passed", rounds.made.now)
    assert rounds.later(2400) == 3
    assert rounds.outcomes("anna") == [CheckOutcome.PENDING, CheckOutcome.PASSED]
    assert rounds.later(86_400) == 2
    assert rounds.outcomes("bob") == [CheckOutcome.PENDING]  # the same again says nothing new


def test_what_a_webhook_settled_is_not_asked_about(rounds: Rounds) -> None:
    rounds.server.set("s0", "failed", NOW)
    rounds.made.desk.refresh("anna")
    assert rounds.later(0) == 2


def test_a_session_that_is_opened_later_is_taken_up(rounds: Rounds) -> None:
    rounds.later(0)
    rounds.server.set("late", "passed", NOW)
    rounds.made.parts.store.open_session("idp", "late", "bob")
    assert rounds.later(60) == 1
    assert CheckOutcome.PASSED in rounds.outcomes("bob")


def test_a_provider_that_is_away_is_asked_once_in_a_round_and_what_is_not_known_is_unchecked(rounds: Rounds) -> None:
    rounds.server.behave = lambda _: reply(503, b"")
    assert rounds.later(0) == 1
    assert rounds.outcomes("anna") == [CheckOutcome.UNCHECKED]
    rounds.server.behave = lambda _: None
    assert rounds.later(60) == 2
    assert rounds.later(600) == 3
    # When it happened at the provider counts: it was pending an hour before nobody answered.
    assert rounds.outcomes("anna") == [CheckOutcome.PENDING, CheckOutcome.UNCHECKED]


def test_without_a_register_nothing_is_asked() -> None:
    assert IdentityTask(lambda: None).run_once() > 0


def test_a_customer_that_was_forgotten_is_not_asked_about(rounds: Rounds) -> None:
    rounds.later(0)
    rounds.made.desk.erase("bob")
    assert rounds.later(600) == 2


class Lists:
    """A host with a list that the daemon looks after."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.list = folder, folder / "police.csv"
        (folder / "state").mkdir(mode=0o700)
        self.config = folder / "goodhoster.toml"
        self.config.write_text(
            f'[agent]\nstate_dir = "{folder / "state"}"\n[screening]\nlists = ["{self.list}"]\nevery = "1h"\n'
        )
        self.write("e1,Somebody Else")
        self.customers(Customer("anna", "Anna Example", "person"))

    def write(self, *lines: str) -> None:
        self.list.write_text("\n".join(["id,name", *lines]) + "\n")

    def customers(self, *customers: Customer) -> None:
        with closing(customers_file(self.folder / "state" / FILE)) as record:
            imported(SqliteCustomerStore(record), customers)


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    return Lists(tmp_path)


@pytest.fixture
def services(lists: Lists) -> Iterator[Services]:
    with Services(load(lists.config)) as services:
        yield services


def runs(services: Services) -> int:
    return sum(entry.event.kind == "screening.done" for entry in services.audit.entries())


def findings(services: Services) -> list[tuple[str, str]]:
    return [(one.entry, one.customer) for one in services.customers.screening().findings()]


def test_customers_are_compared_again_when_the_list_or_a_customer_has_changed(lists: Lists, services: Services) -> None:
    rounds = ScreeningTask(services)
    assert rounds.run_once() == 3600.0
    assert (runs(services), findings(services)) == (1, [])
    rounds.run_once()
    assert runs(services) == 1, "nothing changed: nothing is read"
    lists.write("e1,Somebody Else", "e2,Anna Exampel")
    rounds.run_once()
    assert (runs(services), findings(services)) == (2, [("e2", "anna")])
    lists.customers(Customer("carl", "Somebody Else", "person"))
    rounds.run_once()
    assert runs(services) == 3
    assert set(findings(services)) == {("e2", "anna"), ("e1", "carl")}
    assert rounds.problems() == []


def test_a_list_that_was_compared_by_command_is_compared_again_too(lists: Lists, services: Services) -> None:
    other = lists.folder / "sanctions.csv"
    other.write_text("id,name\nx1,Nobody Here\n")
    desk, kept = services.customers.screening(), services.customers.kept_lists
    kept.replace("sanctions", other, lambda file: desk.screen("sanctions", file, JAN))
    rounds = ScreeningTask(services)
    rounds.run_once()
    before = runs(services)
    lists.customers(Customer("dora", "Nobody Here", "person"))
    rounds.run_once()
    assert runs(services) == before + 2
    assert ("x1", "dora") in findings(services)


def test_a_list_that_cannot_be_read_is_told_and_the_others_are_compared(lists: Lists, services: Services) -> None:
    lists.list.unlink()
    rounds = ScreeningTask(services)
    rounds.run_once()
    (problem,) = rounds.problems()
    assert "customers are not compared with police: " in problem
    lists.write("e1,Anna Example")
    rounds.run_once()
    assert rounds.problems() == []
    assert findings(services) == [("e1", "anna")]


def test_a_list_that_lost_most_of_its_entries_waits_for_a_person(lists: Lists, services: Services) -> None:
    lists.write(*(f"e{number},Person Number{number}" for number in range(10)))
    rounds = ScreeningTask(services)
    rounds.run_once()
    lists.write("e1,Person Number1")
    rounds.run_once()
    assert "has lost 9 of 10 entries" in rounds.problems()[0]


def test_without_a_register_nothing_is_compared_or_made(tmp_path: Path) -> None:
    config = tmp_path / "goodhoster.toml"
    config.write_text(f'[agent]\nstate_dir = "{tmp_path / "state"}"\n')
    with Services(load(config)) as services:
        assert ScreeningTask(services).run_once() == 3600.0
        assert not services.customers.in_use
