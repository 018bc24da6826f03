import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.identity.neutral import NeutralProvider
from goodhoster.adapters.identity.provider import ProviderAccount
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.adapters.stores.customers.vetting import SqliteVettingStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.register import Register
from goodhoster.customers.vetting.desk import Checked, VettingDesk, VettingParts
from goodhoster.customers.vetting.risk import RiskFacts
from goodhoster.errors import PassingError, RefusedError, UnreadableError
from goodhoster.model.cases import Order
from goodhoster.model.customers.register import Customer, CustomerSite
from goodhoster.model.customers.vetting import (
    CheckOutcome,
    CompanyAnswer,
    RiskFact,
    RiskLevel,
    VettingEvidence,
    VettingEvidenceKind,
    VettingState,
)
from goodhoster.policy.vetting import VettingPolicy
from goodhoster.testing.identity_provider import FakeIdentityProvider, signed_message
from goodhoster.testing.suites.customer_store import imported

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
JAN = Order("jan", "seen at the counter")
ONLY_DOCUMENT = VettingPolicy(required=dict.fromkeys(RiskLevel, (VettingEvidenceKind.IDENTITY_DOCUMENT,)))


class Registered:
    """A company register that gives one answer."""

    name = "kvk"
    schemes = frozenset({"nl.kvk"})

    def __init__(self, outcome: CheckOutcome) -> None:
        self.outcome = outcome

    def look_up(self, scheme: str, value: str) -> CompanyAnswer:
        return CompanyAnswer(self.name, f"{scheme}:{value}", self.outcome)


class Proofs:
    """The contacts that answer, or cannot say."""

    def __init__(self, proven: Sequence[VettingEvidence] | None) -> None:
        self.proven = proven
        self.asked: list[tuple[str, bool]] = []

    def evidence_of(self, customer_id: str, *, high_risk: bool) -> Sequence[VettingEvidence]:
        self.asked.append((customer_id, high_risk))
        if self.proven is None:
            raise PassingError("the record is locked")
        return self.proven


class Desk:
    """A desk over real files, and what a test changes of it."""

    def __init__(self, folder: Path, record: SqliteVettingStore, register: Register) -> None:
        self.now = NOW
        self.audit = FileAuditLog(folder / "audit.log", lambda: self.now)
        self.register = register
        facts = RiskFacts(register, ("tk", "eu.org"), lambda customer: customer == "recorded")
        self.parts = VettingParts(register, record, self.audit, lambda: self.now, ONLY_DOCUMENT, facts)

    @property
    def desk(self) -> VettingDesk:
        return VettingDesk(self.parts)

    def logged(self) -> str:
        return "\n".join(f"{entry.event.kind} {dict(entry.event.data)}" for entry in self.audit.entries())


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Desk]:
    with closing(customers_file(tmp_path / "customers.sqlite")) as file:
        store = SqliteCustomerStore(file)
        customers = [
            Customer("anna", "Anna Example", "person"),
            Customer("bob", "Bob", reseller="anna"),
            Customer("acme", "Acme BV", "company", company_number="nl.kvk:12345678"),
            Customer("recorded"),
        ]
        imported(
            store,
            customers,
            [CustomerSite("free.tk", "bob"), CustomerSite("acme.example", "acme")],
            former=[("old", "anna")],
        )
        yield Desk(tmp_path, SqliteVettingStore(file), Register(store))


@pytest.fixture
def server() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider() as server:
        yield server


def provided(made: Desk, server: FakeIdentityProvider) -> VettingDesk:
    account = ProviderAccount("idp", server.url, server.secret, server.token, within=1.0)
    made.parts = replace(made.parts, providers={"idp": NeutralProvider(account, lambda: made.now)})
    return made.desk


def document(outcome: CheckOutcome = CheckOutcome.PASSED, **more: object) -> Checked:
    return Checked(VettingEvidenceKind.IDENTITY_DOCUMENT, outcome, "passport", **more)  # type: ignore[arg-type]


def test_a_check_by_a_person_is_kept_with_who_and_why(made: Desk) -> None:
    assert made.desk.vetting_of("anna").missing == ("an identity document, checked: none yet",)

    vetting = made.desk.record("anna", document(), JAN)

    assert vetting.state is VettingState.VETTED
    assert vetting.expires_at == NOW + timedelta(days=365)
    (kept,) = made.parts.store.evidence_of("anna")
    assert (kept.checker, kept.detail, kept.reason) == ("jan", "passport", "seen at the counter")
    assert "vetting.evidence" in made.logged()
    assert "'by': 'jan'" in made.logged()
    made.now += timedelta(days=365)
    assert made.desk.vetting_of("anna").state is VettingState.MISSING


def test_evidence_of_a_former_id_counts(made: Desk) -> None:
    made.parts.store.add(VettingEvidence("old", VettingEvidenceKind.IDENTITY_DOCUMENT, CheckOutcome.PASSED, NOW, "jan"))

    assert made.desk.vetting_of("anna").state is VettingState.VETTED
    assert made.desk.vetting_of("old").customer == "anna"


@pytest.mark.parametrize(
    ("checked", "reason"),
    [
        (document(), "bsn 111222333"),
        (document(), "see scan.jpg"),
        (replace(document(), detail="NX1234567"), "seen"),
        (replace(document(), detail=""), "seen"),
        (document(CheckOutcome.PENDING), "seen"),
        (document(CheckOutcome.UNCHECKED), "seen"),
        (document(on=date(2026, 11, 3)), "seen"),
        (Checked(VettingEvidenceKind.EMAIL, CheckOutcome.PASSED), "he said so"),
        (Checked(VettingEvidenceKind.PAYMENT_METHOD, CheckOutcome.PASSED, "cryptocurrency"), "paid"),
        (Checked(VettingEvidenceKind.PAYMENT_METHOD, CheckOutcome.PASSED, "NL91ABNA0417164300"), "paid"),
        (Checked(VettingEvidenceKind.PHONE, CheckOutcome.PASSED, "+31612345678"), "called"),
        (Checked(VettingEvidenceKind.COMPANY_NUMBER, CheckOutcome.PASSED, "nl.bsn:111222333"), "looked up"),
    ],
)
def test_what_must_not_be_kept_is_refused_and_nowhere(made: Desk, checked: Checked, reason: str) -> None:
    with pytest.raises(RefusedError):
        made.desk.record("anna", checked, Order("jan", reason))

    assert not made.parts.store.evidence_of("anna")
    assert made.logged() == ""


def test_the_risk_is_shown_rule_by_rule(made: Desk) -> None:
    made.desk.state_fact("anna", RiskFact.IMAGE_HOST, JAN, holds=True)
    risk = made.desk.state_fact("anna", RiskFact.RESELLER, JAN, holds=False).risk

    found = {each.fact: (each.holds, each.points) for each in risk.reasons}
    assert found[RiskFact.IMAGE_HOST] == (True, 40)
    assert found[RiskFact.RESELLER] == (True, 20)  # what we see outweighs a stated "no"
    assert found[RiskFact.OWN_RECORD] == (False, 0)
    assert found[RiskFact.OPEN_UPLOAD] == (None, 0)
    assert (risk.points, risk.level) == (60, RiskLevel.HIGH)


def test_facts_that_we_see_ourselves(made: Desk) -> None:
    def holds(customer: str, fact: RiskFact) -> bool | None:
        return next(each.holds for each in made.desk.vetting_of(customer).risk.reasons if each.fact is fact)

    assert holds("bob", RiskFact.FREE_DOMAINS) is True
    assert holds("acme", RiskFact.FREE_DOMAINS) is False
    assert holds("anna", RiskFact.FREE_DOMAINS) is None  # no site is known
    assert holds("anna", RiskFact.RESELLER) is True
    assert holds("bob", RiskFact.RESELLER) is None
    assert holds("recorded", RiskFact.OWN_RECORD) is True
    made.desk.record("acme", Checked(VettingEvidenceKind.PAYMENT_METHOD, CheckOutcome.FAILED, "prepaid"), JAN)
    assert holds("acme", RiskFact.ANONYMOUS_PAYMENT) is True


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (CheckOutcome.PASSED, VettingState.VETTED),
        (CheckOutcome.FAILED, VettingState.FAILED),
        (CheckOutcome.UNCHECKED, VettingState.UNCHECKED),
    ],
)
def test_a_company_number_is_asked_of_its_register(made: Desk, outcome: CheckOutcome, state: VettingState) -> None:
    only_company = VettingPolicy(required=dict.fromkeys(RiskLevel, (VettingEvidenceKind.COMPANY_NUMBER,)))
    made.parts = replace(made.parts, policy=only_company, registers=(Registered(outcome),))

    assert made.desk.check_company("acme", "", JAN).state is state
    assert "12345678" not in made.logged()


def test_without_a_register_a_number_is_unchecked(made: Desk) -> None:
    made.desk.check_company("acme", "fr.siren:732829320", JAN)

    (kept,) = made.parts.store.evidence_of("acme")
    assert (kept.outcome, kept.reason) == (CheckOutcome.UNCHECKED, "no register is set for fr.siren")


def test_a_part_that_cannot_say_leaves_its_kind_unchecked(made: Desk) -> None:
    only_mail = VettingPolicy(required=dict.fromkeys(RiskLevel, (VettingEvidenceKind.EMAIL,)))
    proven = VettingEvidence("anna", VettingEvidenceKind.EMAIL, CheckOutcome.PASSED, NOW, "goodhoster")
    made.parts = replace(made.parts, policy=only_mail, proofs={VettingEvidenceKind.EMAIL: Proofs([proven])})
    assert made.desk.vetting_of("anna").state is VettingState.VETTED

    made.parts = replace(made.parts, proofs={VettingEvidenceKind.EMAIL: Proofs(None)})

    assert made.desk.vetting_of("anna").state is VettingState.UNCHECKED


def test_a_session_is_asked_and_its_webhooks_may_come_in_any_order(made: Desk, server: FakeIdentityProvider) -> None:
    moments = {
        outcome: {"session": "s1", "outcome": outcome, "at": (NOW + timedelta(minutes=at)).isoformat()}
        for at, outcome in enumerate(("pending", "retry", "failed", "passed"))
    }
    states = set()
    for number, order in enumerate(itertools.permutations(moments)):
        made.now = NOW
        desk = provided(made, server)
        desk.erase("anna")
        made.parts.store.open_session("idp", "s1", "anna")
        made.now = NOW + timedelta(hours=1)
        for outcome in (*order, order[0]):  # and one comes again
            desk.receive("idp", *signed_message(moments[outcome] | {"event": f"{number}"}, made.now))
        assert len(made.parts.store.evidence_of("anna")) == len(moments)
        states.add(desk.vetting_of("anna").state)

    assert states == {VettingState.VETTED}


def test_a_provider_that_is_down_leaves_it_unchecked_and_forgets_nothing(
    made: Desk, server: FakeIdentityProvider
) -> None:
    desk = provided(made, server)
    assert desk.open_session("anna", "idp", "s1", JAN).state is VettingState.UNCHECKED
    assert desk.refresh("anna").state is VettingState.UNCHECKED
    assert len(made.parts.store.evidence_of("anna")) == 1  # asking again for nothing is not evidence

    server.set("s1", "passed", NOW - timedelta(minutes=1))
    assert desk.refresh("anna").state is VettingState.VETTED

    server.sessions.clear()
    asked = len(server.requests)
    assert desk.refresh("anna").state is VettingState.VETTED
    assert len(server.requests) == asked  # a session that is over is not asked again


def test_messages_that_are_not_taken(made: Desk, server: FakeIdentityProvider) -> None:
    desk = provided(made, server)
    passed = {"session": "s1", "outcome": "passed", "at": NOW.isoformat()}
    with pytest.raises(RefusedError, match="nobody opened"):
        desk.receive("idp", *signed_message(passed, NOW))
    made.parts.store.open_session("idp", "s1", "anna")
    with pytest.raises(UnreadableError, match="future"):
        desk.receive("idp", *signed_message(passed | {"at": (NOW + timedelta(hours=1)).isoformat()}, NOW))
    with pytest.raises(RefusedError):
        desk.receive("other", *signed_message(passed, NOW))
    with pytest.raises(RefusedError, match="is customer anna's already"):
        desk.open_session("bob", "idp", "s1", JAN)
    assert not made.parts.store.evidence_of("anna")


def test_what_a_provider_writes_beside_its_words_is_not_kept(made: Desk, server: FakeIdentityProvider) -> None:
    desk = provided(made, server)
    made.parts.store.open_session("idp", "s1", "anna")
    told = {"session": "s1", "outcome": "failed", "at": NOW.isoformat()}
    more = {"document_type": "passport NX1234567", "reason": "Anna Example, born 1974-08-12"}

    desk.receive("idp", *signed_message(told | more, NOW))

    (kept,) = made.parts.store.evidence_of("anna")
    assert (kept.detail, kept.reason) == ("other", "")


def test_who_must_be_checked_again(made: Desk) -> None:
    made.desk.record("acme", document(), JAN)

    assert {each.customer for each in made.desk.due(timedelta(days=30))} == {"anna", "bob", "recorded"}
    assert "acme" in {each.customer for each in made.desk.due(timedelta(days=366))}


def test_a_customer_can_be_erased(made: Desk) -> None:
    made.desk.record("anna", document(), JAN)
    made.desk.state_fact("anna", RiskFact.IMAGE_HOST, JAN, holds=True)
    made.parts.store.open_session("idp", "s1", "anna")

    made.desk.erase("anna")
    made.desk.erase("anna")

    store = made.parts.store
    assert not [*store.evidence_of("anna"), *store.facts_of("anna"), *store.sessions_of("anna")]


@pytest.mark.parametrize(("customer", "high"), [("acme", False), ("recorded", True)])
def test_who_proves_several_kinds_is_asked_once_and_each_kind_counts(made: Desk, customer: str, high: bool) -> None:  # noqa: FBT001
    """And is told of the risk, which it need not find out once more."""
    kinds = (VettingEvidenceKind.EMAIL, VettingEvidenceKind.PHONE)
    proven = [VettingEvidence(customer, kind, CheckOutcome.PASSED, NOW, "contact") for kind in kinds]
    proofs = Proofs(proven)
    policy = replace(ONLY_DOCUMENT, weights={RiskFact.OWN_RECORD: 100}, normal_from=30, high_from=60)
    made.parts = replace(made.parts, proofs=dict.fromkeys(kinds, proofs), policy=policy)

    vetting, evidence = made.desk.assessed(made.register.store.get(customer))

    assert evidence == proven
    assert proofs.asked == [(customer, high)]
    assert vetting == made.desk.vetting_of(customer)
    assert (vetting.risk.level is RiskLevel.HIGH) is high is made.desk.is_high_risk(customer)
