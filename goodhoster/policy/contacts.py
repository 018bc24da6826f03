"""House rules about contacts: how long a proof counts, and by when a question is answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from goodhoster.model.customers.contact_requests import ContactRequest, ContactState, ContactStatus, RequestKind
from goodhoster.model.customers.register import Contact, Customer


@dataclass(frozen=True, slots=True)
class ContactRules:
    """The house's terms."""

    valid_for: timedelta = timedelta(days=365)
    valid_for_high_risk: timedelta = timedelta(days=182)
    token_for: timedelta = timedelta(days=7)
    """How long the link in a letter is good."""
    drill_within: timedelta = timedelta(hours=48)
    notice_within: timedelta = timedelta(hours=12)
    """How long a customer has for a notice about a server of its own, where the notice's deadline leaves that."""
    code_for: timedelta = timedelta(minutes=15)
    drill_every: timedelta = timedelta(days=182)
    drills_a_day: int = 100

    def validity(self, *, high_risk: bool) -> timedelta:
        """How long a proven address counts as such."""
        return self.valid_for_high_risk if high_risk else self.valid_for


def contact_of(customer: Customer, kind: str = "email") -> Contact | None:
    """The contact that is asked: the one for abuse, else the general one, else the first."""
    found = [contact for contact in customer.contacts if contact.kind == kind]
    for purpose in ("abuse", "general"):
        if named := next((contact for contact in found if contact.purpose == purpose), None):
            return named
    return found[0] if found else None


def status_of(
    customer: Customer, requests: Sequence[ContactRequest], now: datetime, validity: timedelta
) -> ContactStatus:
    """How the contact of a customer stands.

    What was proven of another address says nothing of this one.
    """
    contact, phone = contact_of(customer), contact_of(customer, "phone")
    if contact is None:
        return ContactStatus(ContactState.NONE, why="the customer has no mail address")
    ours = [one for one in requests if one.kind is not RequestKind.PHONE and same_address(one.address, contact.address)]
    verified = max((one.answered_at for one in ours if one.answered_at), default=None)
    state, why = _state(ours, verified, now, validity)
    called = [
        one.answered_at
        for one in requests
        if phone and one.kind is RequestKind.PHONE and one.address == phone.address and one.answered_at
    ]
    return ContactStatus(
        state, verified, verified + validity if verified else None, why, max(called, default=None), silent_drills(ours)
    )


def _state(
    requests: Sequence[ContactRequest], verified: datetime | None, now: datetime, validity: timedelta
) -> tuple[ContactState, str]:
    failed = max((one for one in requests if one.failed_at), key=lambda one: one.failed_at or now, default=None)
    if failed and failed.failed_at and (verified is None or failed.failed_at >= verified):
        return ContactState.INVALID, failed.failure
    if verified and now < verified + validity:
        return ContactState.VERIFIED, ""
    if any(not one.settled and now < one.expires_at for one in requests):
        return ContactState.PENDING, "it was asked and has not answered yet"
    if verified:
        return ContactState.EXPIRED, f"it was verified too long ago: {verified:%Y-%m-%d}"
    return ContactState.UNCHECKED, "it was asked and did not answer" if requests else "it was never asked"


def silent_drills(requests: Iterable[ContactRequest]) -> int:
    """Drills without an answer in time since the last one that had one."""
    count = 0
    drills = [one for one in requests if one.kind is RequestKind.DRILL and (one.silent_at or one.answered_at)]
    for drill in sorted(drills, key=lambda one: one.asked_at):
        count = 0 if drill.in_time else count + 1
    return count


def same_address(one: str, other: str) -> bool:
    """Whether two spellings are one mailbox, as mail servers treat them nearly everywhere."""
    return one.strip().casefold() == other.strip().casefold()


def drills_due(
    last_drills: Iterable[tuple[str, datetime | None]], drilled_today: int, now: datetime, rules: ContactRules
) -> list[str]:
    """The customers to drill now, within a day's limit; the longest ago first."""
    due = [(last or datetime.min.replace(tzinfo=now.tzinfo), customer) for customer, last in last_drills]
    ready = sorted((last, customer) for last, customer in due if now - last >= rules.drill_every)
    return [customer for _, customer in ready[: max(0, rules.drills_a_day - drilled_today)]]
