"""The vetting desk: takes evidence in, asks those who know, and says what is missing.

Every change is written to the audit log before it is kept: the customer's id, kind and outcome, never a number, a name
or a document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from goodhoster.customers.register import Register
from goodhoster.customers.vetting.citizen_numbers import refuse_personal_numbers
from goodhoster.customers.vetting.company_numbers import read_company_number
from goodhoster.customers.vetting.details import DOCUMENT_TYPES, read_detail
from goodhoster.customers.vetting.risk import RiskFacts
from goodhoster.errors import GoodhosterError, RefusedError, UnreadableError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Order
from goodhoster.model.customers.register import Customer
from goodhoster.model.customers.vetting import (
    FINAL_OUTCOMES,
    CheckOutcome,
    IdentityEvent,
    IdentitySession,
    RiskEstimate,
    RiskFact,
    RiskLevel,
    StatedFact,
    Vetting,
    VettingEvidence,
    VettingEvidenceKind,
    VettingState,
)
from goodhoster.policy.vetting import VettingPolicy, assess, deciding, estimate_risk
from goodhoster.ports import AuditLog, Clock, CustomerQuery
from goodhoster.ports.vetting import CompanyRegister, EvidenceSource, IdentityProvider, VettingStore

_CLOCK_SKEW = timedelta(minutes=5)
_JUST_NOW = timedelta(minutes=5)
"""So long another person's word about the same is taken for one that this person has not seen."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.~:-]{0,199}")
_BY_PERSON = frozenset({CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.REVIEW, CheckOutcome.EXPIRED})
_PROVEN_BY_US = {VettingEvidenceKind.EMAIL: "goodhoster customers verify-contact ID"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a person checked."""

    kind: VettingEvidenceKind
    outcome: CheckOutcome
    detail: str = ""
    on: date | None = None
    """The day of the check; None: now."""
    document_valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class VettingParts:
    """What the desk works with."""

    register: Register
    store: VettingStore
    audit: AuditLog
    clock: Clock
    policy: VettingPolicy
    facts: RiskFacts
    providers: Mapping[str, IdentityProvider] = field(default_factory=dict)
    registers: Sequence[CompanyRegister] = ()
    proofs: Mapping[VettingEvidenceKind, EvidenceSource] = field(default_factory=dict)
    """Who proves a kind of evidence by itself, such as contacts that answer."""


class AssessedVetting(NamedTuple):
    """What the vetting of a customer comes to, and the evidence that it rests on."""

    vetting: Vetting
    evidence: list[VettingEvidence]


class VettingDesk:
    """The vetting of customers."""

    def __init__(self, parts: VettingParts) -> None:
        self._parts = parts

    def vetting_of(self, customer_id: str) -> Vetting:
        """What the vetting of a customer comes to now.

        RefusedError where the register has none of that id.
        """
        return self.assessed(self._customer(customer_id)).vetting

    def assessed(self, customer: Customer) -> AssessedVetting:
        """The vetting of a customer, and the evidence that it rests on; each part is asked once."""
        ids = self._ids(customer)
        recorded = self._recorded(ids)
        risk = self._risk(customer, ids, recorded)
        evidence = self._with_proofs(customer, recorded, high_risk=risk.level is RiskLevel.HIGH)
        vetting = assess(evidence, risk, self._parts.policy, self._parts.clock())
        return AssessedVetting(replace(vetting, customer=customer.id), evidence)

    def is_high_risk(self, customer_id: str) -> bool:
        """Whether a customer's risk is high; asks no other part, so that each may ask this."""
        customer = self._customer(customer_id)
        ids = self._ids(customer)
        return self._risk(customer, ids, self._recorded(ids)).level is RiskLevel.HIGH

    def _risk(self, customer: Customer, ids: Sequence[str], recorded: Sequence[VettingEvidence]) -> RiskEstimate:
        stated = [fact for name in ids for fact in self._parts.store.facts_of(name)]
        return estimate_risk(self._parts.facts.of(customer, stated, recorded), self._parts.policy)

    def _recorded(self, ids: Sequence[str]) -> list[VettingEvidence]:
        return [each for name in ids for each in self._parts.store.evidence_of(name)]

    def evidence_of(self, customer: Customer) -> list[VettingEvidence]:
        """All evidence of a customer: what was recorded, and what other parts have proven.

        A part that fails leaves its kind unchecked.
        """
        return self.assessed(customer).evidence

    def _with_proofs(
        self, customer: Customer, recorded: Sequence[VettingEvidence], *, high_risk: bool
    ) -> list[VettingEvidence]:
        found = [*recorded]
        proven: dict[int, Sequence[VettingEvidence]] = {}
        for kind, source in self._parts.proofs.items():
            try:
                if id(source) not in proven:  # one may prove several kinds, and takes as long for one as for all
                    proven[id(source)] = source.evidence_of(customer.id, high_risk=high_risk)
                found += [each for each in proven[id(source)] if each.kind is kind]
            except GoodhosterError as error:
                unknown = VettingEvidence(customer.id, kind, CheckOutcome.UNCHECKED, self._parts.clock(), "goodhoster")
                # What is not known now counts, whatever was recorded before.
                found = [each for each in found if each.kind is not kind]
                found.append(replace(unknown, reason=type(error).__name__))
        return found

    def record(self, customer_id: str, checked: Checked, order: Order) -> Vetting:
        """Record what a person checked; RefusedError where it would keep what must not be kept."""
        customer = self._customer(customer_id)
        if checked.outcome not in _BY_PERSON:
            raise RefusedError(
                f"a person cannot record {checked.outcome}", hint="one of " + ", ".join(sorted(_BY_PERSON))
            )
        if checked.kind in _PROVEN_BY_US:
            raise RefusedError(
                f"that a customer's {checked.kind} answers is proven, not stated", hint=_PROVEN_BY_US[checked.kind]
            )
        detail = read_detail(checked.kind, checked.outcome, checked.detail, company=customer.kind == "company")
        evidence = VettingEvidence(
            customer.id,
            checked.kind,
            checked.outcome,
            self._moment(checked.on),
            checker=order.actor,
            detail=detail,
            reason=refuse_personal_numbers(order.reason, "the reason"),
            document_date=checked.document_valid_until,
        )
        with self._parts.store.together():
            self._expect_no_conflict(evidence)
            self._keep(evidence, order.actor, evidence.reason)
        return self.vetting_of(customer.id)

    def _expect_no_conflict(self, evidence: VettingEvidence) -> None:
        """Raise RefusedError where another person just recorded another outcome."""
        since = self._parts.clock() - _JUST_NOW
        programs = {register.name for register in self._parts.registers}
        for known in self._parts.store.evidence_of(evidence.customer):
            others = known.kind is evidence.kind and known.checker not in {evidence.checker, *programs}
            if (
                others
                and not known.reference
                and known.outcome is not evidence.outcome
                and known.at >= since
                and known.outcome in _BY_PERSON
            ):
                message = f"{known.checker} recorded {known.kind} {known.outcome} at {known.at:%H:%M:%S} UTC"
                hint = f"look at it, and record yours in {_JUST_NOW.seconds // 60} minutes if it is still another"
                raise RefusedError(f"{message}: {known.reason}", hint=hint)

    def state_fact(self, customer_id: str, fact: RiskFact, order: Order, *, holds: bool) -> Vetting:
        """Record whether a fact holds for a customer, by a person's word."""
        customer = self._customer(customer_id)
        reason = refuse_personal_numbers(order.reason, "the reason")
        stated = StatedFact(customer.id, fact, holds, self._parts.clock(), order.actor, reason)
        data: dict[str, str | int | bool | list[str] | None] = {
            "customer": customer.id, "fact": fact, "holds": holds, "by": order.actor, "reason": reason,
        }  # fmt: skip
        self._parts.audit.append(AuditEvent("vetting.fact", data))
        self._parts.store.state_fact(stated)
        return self.vetting_of(customer.id)

    def open_session(self, customer_id: str, provider: str, reference: str, order: Order) -> Vetting:
        """Record that a session of a provider is about a customer, and ask how it stands."""
        customer = self._customer(customer_id)
        self._provider(provider)
        if not _REFERENCE.fullmatch(reference):
            raise RefusedError("this is not a reference of a session", hint="copy it from the provider's own page")
        refuse_personal_numbers(order.reason, "the reason")
        with self._parts.store.together():
            known = self._parts.store.customer_of_session(provider, reference)
            if known not in {None, *self._ids(customer)}:
                message = f"session {reference} of {provider} is customer {known}'s already"
                raise RefusedError(message, hint="compare the reference with the provider's own page")
            data = {"customer": customer.id, "provider": provider, "by": order.actor, "reason": order.reason}
            self._parts.audit.append(AuditEvent("vetting.session", data))
            if known is None:
                self._parts.store.open_session(provider, reference, customer.id)
        return self.refresh(customer.id)

    def receive(self, provider: str, headers: Mapping[str, str], body: bytes) -> IdentityEvent:
        """Take in a message of a provider, which may come again, late, or before an earlier one.

        RefusedError where it is not the provider's, or about a session that nobody opened here.
        """
        return self.take(self.read(provider, headers, body))

    def read(self, provider: str, headers: Mapping[str, str], body: bytes) -> IdentityEvent:
        """Read a message of a provider; nothing is kept.

        RefusedError where it is not the provider's, UnreadableError where it is, and says nothing that is known.
        """
        return self._provider(provider).read_webhook(headers, body)

    def take(self, event: IdentityEvent) -> IdentityEvent:
        """Keep what a provider's message says; RefusedError about a session that nobody opened here."""
        provider = event.provider
        if event.at > self._parts.clock() + _CLOCK_SKEW:
            raise UnreadableError(f"{provider} tells of a moment in the future", hint="compare the clocks")
        customer = self._parts.store.customer_of_session(provider, event.reference)
        if customer is None:
            hint = f"name it first: goodhoster customers vet ID --session {provider}:REFERENCE"
            raise RefusedError(f"nobody opened this session of {provider} here", hint=hint)
        if event.outcome is CheckOutcome.UNCHECKED:  # it only says that there is something to ask for
            event = self._provider(provider).pull(event.reference)
        self._keep(_evidence_of(customer, event), provider, "webhook")
        return event

    def refresh(self, customer_id: str) -> Vetting:
        """Ask the providers about every session of a customer that may still change."""
        customer = self._customer(customer_id)
        evidence = self.evidence_of(customer)
        for name in self._ids(customer):
            for provider, reference in self._parts.store.sessions_of(name):
                if provider in self._parts.providers and not _is_final(evidence, provider, reference):
                    self._pull(customer.id, provider, reference)
        return self.vetting_of(customer.id)

    def sessions(self, after: int) -> Sequence[IdentitySession]:
        """Sessions that were opened after the one of that number, oldest first; some at a time."""
        return self._parts.store.sessions(after)

    def pull(self, session: IdentitySession) -> CheckOutcome | None:
        """Ask a provider about one session that is not settled: how it stands.

        None where it is settled, or nobody can be asked about it any more.
        """
        if session.provider not in self._parts.providers:
            return None
        evidence = self._parts.store.evidence_of(session.customer)
        if _is_final(evidence, session.provider, session.reference):
            return None
        known = self._parts.store.customer_of_session(session.provider, session.reference)
        return self._pull(known, session.provider, session.reference).outcome if known else None

    def _pull(self, customer_id: str, provider: str, reference: str) -> IdentityEvent:
        event = self._parts.providers[provider].pull(reference)
        self._keep(_evidence_of(customer_id, event), provider, "asked")
        return event

    def check_company(self, customer_id: str, number: str, order: Order) -> Vetting:
        """Ask the register of that kind of number.

        Without one, or without an answer, it is unchecked.
        """
        customer = self._customer(customer_id)
        reason = refuse_personal_numbers(order.reason, "the reason")
        read = read_company_number(number or customer.company_number, company=customer.kind == "company")
        asked = next((each for each in self._parts.registers if read.scheme in each.schemes), None)
        outcome, why, checker = CheckOutcome.UNCHECKED, f"no register is set for {read.scheme}", "goodhoster"
        if asked is not None:
            answer = asked.look_up(read.scheme, read.value)
            outcome, why, checker = answer.outcome, answer.reason, asked.name
        evidence = VettingEvidence(
            customer.id,
            VettingEvidenceKind.COMPANY_NUMBER,
            outcome,
            self._parts.clock(),
            checker,
            str(read),
            reason=why,
        )
        self._keep(evidence, order.actor, reason)
        return self.vetting_of(customer.id)

    def due(self, within: timedelta) -> Iterator[Vetting]:
        """The customers who are not vetted, or will not be any more by then."""
        until = self._parts.clock() + within
        for customer in self._parts.register.store.find(CustomerQuery(statuses=frozenset({"active", "suspended"}))):
            vetting = self.assessed(customer).vetting
            if vetting.state is not VettingState.VETTED or (vetting.expires_at and vetting.expires_at <= until):
                yield vetting

    def erase(self, customer_id: str) -> None:
        """Erase what is kept of a customer; the audit log keeps ids and outcomes."""
        self._parts.store.erase_vetting(customer_id)

    def _keep(self, evidence: VettingEvidence, actor: str, reason: str) -> None:
        """Log and keep a piece of evidence that says something new."""
        with self._parts.store.together():
            if any(_says_nothing_new(evidence, known) for known in self._parts.store.evidence_of(evidence.customer)):
                return
            data = {
                "customer": evidence.customer,
                "evidence": evidence.kind,
                "outcome": evidence.outcome,
                "at": evidence.at.isoformat(),
                "checker": evidence.checker,
                "by": actor,
                "reason": reason,
            }
            self._parts.audit.append(AuditEvent("vetting.evidence", data))
            self._parts.store.add(evidence)

    def _customer(self, customer_id: str) -> Customer:
        register = self._parts.register
        return register.store.known(customer_id) or register.store.get(register.resolve(customer_id))

    def _ids(self, customer: Customer) -> tuple[str, ...]:
        return customer.id, *self._parts.register.store.former_ids(customer.id)

    def _provider(self, name: str) -> IdentityProvider:
        found = self._parts.providers.get(name)
        if found is None:
            known = ", ".join(self._parts.providers) or "none: add an [[identity_provider]]"
            raise RefusedError(f"there is no identity provider {name!r}", hint=f"known: {known}")
        return found

    def _moment(self, day: date | None) -> datetime:
        now = self._parts.clock()
        if day is None or day == now.date():
            return now
        if day > now.date():
            raise RefusedError(f"{day} is in the future", hint="give the day on which it was checked")
        return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)


def _evidence_of(customer: str, event: IdentityEvent) -> VettingEvidence:
    """What is kept of an event.

    Of the provider's own words only those that are known to say nothing personal.
    """
    document = event.document_type if event.document_type in DOCUMENT_TYPES else ""
    return VettingEvidence(
        customer,
        VettingEvidenceKind.IDENTITY_DOCUMENT,
        event.outcome,
        event.at,
        checker=event.provider,
        detail=document,
        reference=event.reference,
        reason=event.reason if _CODE.fullmatch(event.reason) else "",
    )


def _says_nothing_new(evidence: VettingEvidence, known: VettingEvidence) -> bool:
    """Whether it came before, or is one more try that again told nothing."""
    if evidence == known:
        return True
    return evidence.outcome in {CheckOutcome.UNCHECKED, CheckOutcome.PENDING} and evidence == replace(
        known, at=evidence.at
    )


def _is_final(evidence: Sequence[VettingEvidence], provider: str, reference: str) -> bool:
    of_it = [each for each in evidence if each.checker == provider and each.reference == reference]
    newest = deciding(of_it)
    return newest is not None and newest.outcome in FINAL_OUTCOMES
