"""The gate "may this customer host uploads?": asks, answers, and logs what changed.

Being asked costs the audit log nothing: an entry is made when the answer is another than before, or a day later, and a
few times a day at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from goodhoster.customers.register import Register
from goodhoster.customers.standing.desk import restriction_of
from goodhoster.errors import GoodhosterError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.customers.gates import GateAnswer, GateFacts, GateFinding, UploadAnswer
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.register import Customer
from goodhoster.policy.gates import may_upload
from goodhoster.ports import AuditLog, Clock
from goodhoster.ports.standing import ContactCheck, ContactFinding, RelayUse, StandingStore, VettingCheck

_UNKNOWN = "\0unknown"
"""Whoever asks about customers that nobody knows shares one line: no customer has that id."""


@dataclass(frozen=True, slots=True)
class GateParts:
    """What the gate asks."""

    register: Register
    store: StandingStore
    vetting: VettingCheck
    contacts: ContactCheck
    relay: RelayUse
    audit: AuditLog
    clock: Clock
    is_watched: Callable[[bytes], bool] = lambda _: False
    """Whether what lies at an absolute path is checked here."""


class UploadGates:
    """The gate of uploads. Threads may share it."""

    def __init__(self, parts: GateParts, rules: CustomerRules) -> None:
        self._parts = parts
        self._rules = rules

    def may_upload(self, customer_id: str) -> UploadAnswer:
        """Whether a customer may host uploads, and what speaks against it.

        A customer nobody knows is *unchecked*.

        Raises nothing for what could not be asked: that is *unchecked*, too.
        """
        customer = self._parts.register.store.known(customer_id)
        if customer is None:
            found = self._unknown()
            self._log(_UNKNOWN, "", found)
            return found
        found = self.standing_answer(customer)
        self._log(customer.id, customer.id, found)
        return found

    def standing_answer(self, customer: Customer) -> UploadAnswer:
        """The answer that it would get, for people who look at a customer; nothing is logged."""
        return may_upload(self.facts_of(customer), self._rules, self._parts.clock())

    def facts_of(self, customer: Customer) -> GateFacts:
        """What is known of a customer; nothing is logged."""
        contact, contact_known = self._contact(customer.id)
        used_at, relay_known = None, True
        try:
            used_at = self._parts.relay.last_used(customer.id)
        except GoodhosterError:
            relay_known = False
        ended = {"active": "", "suspended": "it is suspended by the register", "ended": "its contract has ended"}
        return GateFacts(
            vetting=_finding_of(lambda: self._parts.vetting.vetting_of(customer.id)),
            contact=contact_known,
            answered_within=contact.answered_within if contact else None,
            contact_silent=bool(contact and contact.silent),
            inspectable=self._is_inspectable(customer),
            relay_used_at=used_at,
            relay_known=relay_known,
            restricted=restriction_of(self._parts.store.steps(customer.id)),
            ended=ended[customer.status],
        )

    def _is_inspectable(self, customer: Customer) -> bool | None:
        """What its services say; a panel lists none, but document roots that are watched or are not."""
        if customer.services:
            return all(one.inspectable for one in customer.services)
        docroots = [site.docroot for site in self._parts.register.store.sites_of(customer.id)]
        watched = docroots and all(docroot and self._parts.is_watched(docroot) for docroot in docroots)
        return True if watched else None

    def _contact(self, customer_id: str) -> tuple[ContactFinding | None, GateFinding]:
        try:
            found = self._parts.contacts.contact_of(customer_id)
        except GoodhosterError as error:
            return None, GateFinding(GateAnswer.UNCHECKED, str(error))
        return found, found.proven

    def _unknown(self) -> UploadAnswer:
        reason = ("there is no such customer in the register",)
        if self._rules.enforce:
            return UploadAnswer(GateAnswer.UNCHECKED, reason)
        return UploadAnswer(GateAnswer.YES, reason, observed=GateAnswer.UNCHECKED)

    def _log(self, line: str, customer_id: str, found: UploadAnswer) -> None:
        would = f" (would be {found.observed})" if found.observed else ""
        if self._parts.store.gate_changed(line, f"{found.answer}{would}", self._parts.clock()):
            data = {"gate": "upload", "customer": customer_id, "answer": f"{found.answer}{would}"}
            event = AuditEvent("gate.answered", {**data, "reasons": list(found.reasons), "rules": self._rules.version})
            self._parts.audit.append(event)


def _finding_of(ask: Callable[[], GateFinding]) -> GateFinding:
    try:
        return ask()
    except GoodhosterError as error:
        return GateFinding(GateAnswer.UNCHECKED, str(error))
