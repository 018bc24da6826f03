"""Two persons act on the same thing at once: one wins, the other is told who was first, nothing is half done.

Real processes over the same files; after kill -9 between the log and the record too.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.identity.neutral import NeutralProvider
from goodhoster.adapters.identity.provider import ProviderAccount
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.adapters.stores.customers.screening import SqliteScreeningStore
from goodhoster.adapters.stores.customers.standing import SqliteStandingStore
from goodhoster.adapters.stores.customers.suspensions import SqliteSuspensionStore
from goodhoster.adapters.stores.customers.vetting import SqliteVettingStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.register import Register
from goodhoster.customers.screening.desk import ScreeningDesk, ScreeningParts
from goodhoster.customers.standing.appeals import AppealDecision
from goodhoster.customers.standing.desk import StandingDesk
from goodhoster.customers.suspension.desk import SuspensionOrder
from goodhoster.customers.vetting.desk import Checked, VettingDesk, VettingParts
from goodhoster.customers.vetting.risk import RiskFacts
from goodhoster.errors import RefusedError
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.cases import CaseState
from goodhoster.model.cases import Order as Word
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.register import Customer
from goodhoster.model.customers.screening import ScreeningDecision
from goodhoster.model.customers.standing import AppealState, Rung, Step, StepState
from goodhoster.model.customers.suspensions import Suspension, SuspensionState
from goodhoster.model.customers.vetting import CheckOutcome, VettingEvidenceKind
from goodhoster.policy.vetting import VettingPolicy
from goodhoster.ports.panels import SuspensionQuery
from goodhoster.testing.panels.hosting import made_up_hosting
from goodhoster.testing.suites.customer_store import imported
from goodhoster.testing.suites.screening_store import FINDING
from tests.standing_house import House, customer
from tests.two_at_once import Order, at_once, killed, one_won
from tests.unit.customers.suspension.test_desk import ANNA as ACCOUNT
from tests.unit.customers.suspension.test_desk import World

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
ANNA, BOB = Word("anna", "it is her third time"), Word("bob", "the site was broken into")
RULES = CustomerRules(enforce=True)


# Steps of the ladder


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, RULES, [customer("bob")])
    yield made
    made.close()


def waiting(house: House) -> Step:
    """A suspension that waits for a person."""
    for _ in range(3):
        house.offline("bob")
        house.day("bob", 4)
    house.day("bob")
    (step,) = house.desk.waiting()
    assert (step.rung, step.state) == (Rung.SUSPEND_SITE, StepState.WAITING)
    return step


def again(house: House) -> House:
    """The same hoster in a process of its own, with connections of its own."""
    other = House(house.directory, RULES)
    other.cases._cases.update(house.cases._cases)
    other.time.real = house.time.real
    return other


def of_step(house: House, give: Callable[[StandingDesk, str, Word], Step], step: Step, word: Word) -> Order:
    def order(ready: Callable[[], None]) -> object:
        other = again(house)
        ready()
        return give(other.desk, step.id, word).state

    return order


@pytest.mark.parametrize("_", range(3))
def test_of_two_decisions_about_a_step_one_wins(house: House, _: int) -> None:
    step = waiting(house)
    orders = (of_step(house, StandingDesk.confirm, step, ANNA), of_step(house, StandingDesk.refuse, step, BOB))
    won, told = one_won(at_once(*orders))
    now, first = house.store.step(step.id), (ANNA, BOB)[won]
    assert now.state is (StepState.IMPOSED, StepState.REFUSED)[won]
    assert (now.actor, now.reason) == (first.actor, first.reason)
    assert f"by {first.actor} ({first.reason})" in told
    assert f"step {step.id} is " in told
    assert house.events().count("step.intended") == (1 if won == 0 else 0) + 2  # two rungs were taken before
    assert house.events().count("step.refused") == (0 if won == 0 else 1)


def test_two_who_undo_at_once_are_told_who_did(house: House) -> None:
    step = waiting(house)
    house.desk.confirm(step.id, ANNA)
    won, told = one_won(at_once(*(of_step(house, StandingDesk.undo, step, word) for word in (ANNA, BOB))))
    first = (ANNA, BOB)[won]
    assert house.store.step(step.id).state is StepState.LIFTED
    assert f"by {first.actor} ({first.reason})" in told


def test_a_step_whose_order_was_killed_between_log_and_record_is_the_next_persons(house: House) -> None:
    step = waiting(house)
    killed(of_step(house, StandingDesk.confirm, step, ANNA), (SqliteStandingStore, "replace_step"))
    assert house.store.step(step.id).state is StepState.WAITING
    assert not house.panel.suspended
    assert house.desk.refuse(step.id, BOB).state is StepState.REFUSED
    with pytest.raises(RefusedError, match="by bob"):
        house.desk.confirm(step.id, ANNA)


def test_a_letter_that_a_crash_kept_from_being_written_is_written_later(house: House) -> None:
    step = waiting(house)
    killed(of_step(house, StandingDesk.refuse, step, ANNA), (SqliteStandingStore, "keep_statement"))
    assert house.store.step(step.id).state is StepState.REFUSED
    house.desk.review_all()
    house.deliver()
    assert any("Gaat niet door" in letter.subject for letter in house.mailer.sent)
    sent = len(house.mailer.sent)
    house.desk.review_all()
    house.deliver()
    assert len(house.mailer.sent) == sent


# Appeals


def decide(house: House, appeal_id: str, outcome: AppealState, word: Word) -> Order:
    def order(ready: Callable[[], None]) -> object:
        other = again(house)
        ready()
        return other.appeals.decide(appeal_id, AppealDecision(outcome, word)).state

    return order


@pytest.mark.parametrize("_", range(3))
def test_of_two_decisions_about_an_appeal_one_wins(house: House, _: int) -> None:
    case = house.offline("bob")
    appeal = house.appeals.about(f"case:{case.id}", "bob", "not me")
    won, told = one_won(
        at_once(decide(house, appeal.id, AppealState.UPHELD, ANNA), decide(house, appeal.id, AppealState.REJECTED, BOB))
    )
    now, first = house.store.appeal(appeal.id), (ANNA, BOB)[won]
    assert (now.state, now.actor) == ((AppealState.UPHELD, AppealState.REJECTED)[won], first.actor)
    assert f"was decided by {first.actor} at " in told
    assert f"as {now.state}: {first.reason}" in told
    assert "the customer has been told" in told
    assert house.events().count("appeal.decided") == 1
    house.deliver()
    assert sum("besluit op uw bezwaar" in letter.subject for letter in house.mailer.sent) == 1


def test_a_decision_about_an_appeal_that_was_killed_before_it_was_on_record_is_the_next_persons(house: House) -> None:
    case = house.offline("bob")
    appeal = house.appeals.about(f"case:{case.id}", "bob", "not me")
    order = decide(house, appeal.id, AppealState.UPHELD, ANNA)
    killed(order, (SqliteStandingStore, "replace_appeal"))
    assert house.store.appeal(appeal.id).state is AppealState.OPEN
    assert house.cases.get(case.id).state is CaseState.OFFLINE
    house.appeals.decide(appeal.id, AppealDecision(AppealState.REJECTED, BOB))
    with pytest.raises(RefusedError, match="was decided by bob"):
        house.appeals.decide(appeal.id, AppealDecision(AppealState.UPHELD, ANNA))


def test_a_decision_about_an_appeal_that_was_killed_after_it_was_on_record_is_finished_and_told(house: House) -> None:
    case = house.offline("bob")
    appeal = house.appeals.about(f"case:{case.id}", "bob", "not me")
    killed(decide(house, appeal.id, AppealState.UPHELD, ANNA), (House, "restore"))
    with pytest.raises(RefusedError, match="was decided by anna"):
        house.appeals.decide(appeal.id, AppealDecision(AppealState.REJECTED, BOB))
    (left,) = house.appeals.unfinished()
    assert house.appeals.finish(left).restored == (case.id,)
    assert house.cases.get(case.id).state is CaseState.RESTORED
    assert house.appeals.write_missing_letters() == 1
    assert house.appeals.write_missing_letters() == 0
    house.deliver()
    assert any("U krijgt gelijk" in " ".join(letter.text.split()) for letter in house.mailer.sent)


# Findings of screening


class Screened:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = customers_file(folder / "customers.sqlite")
        self.store = SqliteScreeningStore(self.record)
        self.audit = FileAuditLog(folder / "audit.log", lambda: NOW)
        parts = ScreeningParts(lambda: (), self.store, self.audit, lambda: NOW, FileLock(folder / "lock"))
        self.desk = ScreeningDesk(parts)

    def decide(self, decision: ScreeningDecision, word: Word) -> Order:
        def order(ready: Callable[[], None]) -> object:
            other = Screened(self.folder)
            ready()
            return other.desk.decide(FINDING.id, decision, word).decision

        return order

    def logged(self) -> int:
        return sum(entry.event.kind == "screening.decided" for entry in self.audit.entries())


@pytest.fixture
def screened(tmp_path: Path) -> Iterator[Screened]:
    made = Screened(tmp_path)
    made.store.save(FINDING)
    yield made
    made.record.close()


@pytest.mark.parametrize("_", range(3))
def test_of_two_decisions_about_a_finding_one_wins(screened: Screened, _: int) -> None:
    won, told = one_won(
        at_once(screened.decide(ScreeningDecision.MATCH, ANNA), screened.decide(ScreeningDecision.NO_MATCH, BOB))
    )
    now, first = screened.store.get(FINDING.id), (ANNA, BOB)[won]
    assert (now.decision, now.actor) == ((ScreeningDecision.MATCH, ScreeningDecision.NO_MATCH)[won], first.actor)
    assert f"was decided by {first.actor} at 2026-11-02 12:00:00 UTC as {now.decision}: {first.reason}" in told
    assert "--overrule" in told
    assert screened.logged() == 1
    overruled = screened.desk.decide(FINDING.id, ScreeningDecision.NO_MATCH, BOB, overrule=True)
    assert (overruled.decision, overruled.actor) == (ScreeningDecision.NO_MATCH, "bob")


def test_a_finding_whose_decision_was_killed_before_it_was_on_record_is_open(screened: Screened) -> None:
    killed(screened.decide(ScreeningDecision.MATCH, ANNA), (SqliteScreeningStore, "save"))
    assert screened.store.get(FINDING.id) == FINDING
    assert screened.desk.decide(FINDING.id, ScreeningDecision.NO_MATCH, BOB).actor == "bob"


def test_a_decision_that_is_taken_while_customers_are_compared_is_not_lost(screened: Screened) -> None:
    """A run read what was open, compared for minutes, and wrote it back over what a person had decided meanwhile."""
    file = screened.folder / "police.csv"
    file.write_text("id,name\nentry-1,Anna Example\n")

    def parties() -> Iterator[object]:
        screened.desk.decide(FINDING.id, ScreeningDecision.NO_MATCH, BOB)
        return iter(())

    other = Screened(screened.folder)
    object.__setattr__(other.desk._parts, "parties", parties)
    other.desk.screen("police", file, ANNA)
    other.record.close()
    assert screened.store.get(FINDING.id).decision is ScreeningDecision.NO_MATCH


# Who a customer is


class Vetted:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = customers_file(folder / "customers.sqlite")
        customers = SqliteCustomerStore(self.record)
        if not customers.known("acme"):
            imported(customers, [Customer("acme", "Acme", "company"), Customer("bert", "Bert", "person")])
        register = Register(customers)
        self.store, self.audit = SqliteVettingStore(self.record), FileAuditLog(folder / "audit.log", lambda: NOW)
        facts = RiskFacts(register, (), lambda _: False)
        policy = VettingPolicy(required={})
        nobody = NeutralProvider(ProviderAccount("idp", "http://127.0.0.1:9", "s", "t", within=1.0), lambda: NOW)
        parts = VettingParts(register, self.store, self.audit, lambda: NOW, policy, facts, {"idp": nobody})
        self.desk = VettingDesk(parts)

    def record_of(self, outcome: CheckOutcome, word: Word) -> Order:
        def order(ready: Callable[[], None]) -> object:
            other = Vetted(self.folder)
            ready()
            checked = Checked(VettingEvidenceKind.IDENTITY_DOCUMENT, outcome, "passport")
            return other.desk.record("acme", checked, word).state

        return order

    def session_of(self, customer_id: str, word: Word) -> Order:
        def order(ready: Callable[[], None]) -> object:
            other = Vetted(self.folder)
            ready()
            return other.desk.open_session(customer_id, "idp", "s1", word).state

        return order

    def logged(self, kind: str) -> int:
        return sum(entry.event.kind == kind for entry in self.audit.entries())


@pytest.fixture
def vetted(tmp_path: Path) -> Iterator[Vetted]:
    made = Vetted(tmp_path)
    yield made
    made.record.close()


@pytest.mark.parametrize("_", range(3))
def test_of_two_who_record_another_outcome_the_second_is_told_of_the_first(vetted: Vetted, _: int) -> None:
    won, told = one_won(
        at_once(vetted.record_of(CheckOutcome.PASSED, ANNA), vetted.record_of(CheckOutcome.FAILED, BOB))
    )
    (kept,) = vetted.store.evidence_of("acme")
    first = (ANNA, BOB)[won]
    assert (kept.outcome, kept.checker) == ((CheckOutcome.PASSED, CheckOutcome.FAILED)[won], first.actor)
    assert f"{first.actor} recorded identity-document {kept.outcome} at 12:00:00 UTC: {first.reason}" in told
    assert vetted.logged("vetting.evidence") == 1


@pytest.mark.parametrize("_", range(3))
def test_a_session_is_one_customers_whoever_says_so_at_once(vetted: Vetted, _: int) -> None:
    won, told = one_won(at_once(vetted.session_of("acme", ANNA), vetted.session_of("bert", BOB)))
    whose = ("acme", "bert")[won]
    assert vetted.store.customer_of_session("idp", "s1") == whose
    assert f"session s1 of idp is customer {whose}'s already" in told
    assert vetted.logged("vetting.session") == 1


def test_two_who_record_the_same_agree(vetted: Vetted) -> None:
    answers = at_once(vetted.record_of(CheckOutcome.PASSED, ANNA), vetted.record_of(CheckOutcome.PASSED, BOB))
    assert all(answer.startswith("done") for answer in answers)


def test_an_outcome_whose_process_was_killed_before_it_was_on_record_was_not_recorded(vetted: Vetted) -> None:
    killed(vetted.record_of(CheckOutcome.PASSED, ANNA), (SqliteVettingStore, "add"))
    assert not vetted.store.evidence_of("acme")
    vetted.desk.record("acme", Checked(VettingEvidenceKind.IDENTITY_DOCUMENT, CheckOutcome.FAILED, "passport"), BOB)
    assert [one.checker for one in vetted.store.evidence_of("acme")] == ["bob"]


# Suspensions


def suspending(folder: Path, word: Word, then: Callable[[World], object] | None = None) -> Order:
    def order(ready: Callable[[], None]) -> object:
        world = World(folder, hosting=made_up_hosting())
        ready()
        if then is not None:
            return then(world)
        return world.desk.suspend(SuspensionOrder("web1", ACCOUNT, word, "anna")).state

    return order


@pytest.mark.parametrize("_", range(3))
def test_of_two_suspensions_of_one_account_one_is_made(tmp_path: Path, _: int) -> None:
    won, told = one_won(at_once(suspending(tmp_path, ANNA), suspending(tmp_path, BOB)))
    with closing(customers_file(tmp_path / "customers.sqlite")) as record:
        (made,) = _all(SqliteSuspensionStore(record))
    first = (ANNA, BOB)[won]
    assert (made.actor, made.reason) == (first.actor, first.reason)
    assert f"is under suspension {made.id} (" in told
    assert f"by {first.actor} at 2026-01-01 12:00:00 UTC: {first.reason}" in told


@pytest.mark.parametrize("_", range(3))
def test_of_two_who_lift_one_does_and_the_other_is_told(tmp_path: Path, _: int) -> None:
    with closing(World(tmp_path)) as world:
        made = world.desk.suspend(SuspensionOrder("web1", ACCOUNT, ANNA, "anna"))

    def lift(word: Word) -> Order:
        return suspending(tmp_path, word, lambda other: other.desk.lift(made.id, word).state)

    won, told = one_won(at_once(lift(ANNA), lift(BOB)))
    first = (ANNA, BOB)[won]
    with closing(World(tmp_path)) as world:
        now = world.store.get(made.id)
    assert (now.state, now.lift_actor) == (SuspensionState.LIFTED, first.actor)
    assert f"{made.id} was lifted already, by {first.actor} at 2026-01-01 12:00:00 UTC: {first.reason}" in told


def test_a_suspension_that_was_killed_in_the_middle_is_continued_by_whoever_orders_it_again(tmp_path: Path) -> None:
    killed(suspending(tmp_path, ANNA), (FileAuditLog, "append"))
    with closing(World(tmp_path)) as world:
        (left,) = _all(world.store)
        assert (left.state, left.actor) == (SuspensionState.INTENDED, "anna")
        done = world.desk.suspend(SuspensionOrder("web1", ACCOUNT, BOB, "anna"))
        assert (done.id, done.state, done.actor) == (left.id, SuspensionState.IN_FORCE, "anna")
    logged = [(entry.event.kind, entry.event.data.get("actor")) for entry in world.log.entries()]
    assert [kind for kind, _ in logged] == ["suspension.continued", "suspension.intended", "suspension.in-force"]
    assert logged[0] == ("suspension.continued", "bob")


def test_an_outcome_is_in_the_log_although_it_was_killed_before_it_was_on_record(tmp_path: Path) -> None:
    """The record came first: after a crash between them the log never had that it was in force."""
    killed(suspending(tmp_path, ANNA), (SqliteSuspensionStore, "replace"))
    with closing(World(tmp_path)) as world:
        (left,) = _all(world.store)
        world.hosting = made_up_hosting()
        assert world.desk.look_after(replace(left)).state is SuspensionState.IN_FORCE
    logged = [entry.event.kind for entry in world.log.entries()]
    assert logged[:2] == ["suspension.intended", "suspension.in-force"]
    assert logged[-1] == "suspension.in-force"


def _all(store: SqliteSuspensionStore) -> list[Suspension]:
    return list(store.find(SuspensionQuery(panel="web1", account="anna")))
