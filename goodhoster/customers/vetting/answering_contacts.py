"""Evidence from contacts: a mail address or telephone number that was proven to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from goodhoster.model.customers.contact_requests import ContactState, ContactStatus, RequestKind
from goodhoster.model.customers.vetting import CheckOutcome, VettingEvidence, VettingEvidenceKind
from goodhoster.ports.contacts import ContactFacts

_CHECKER = "contact"


class AnsweringContacts:
    """See `ports.vetting.EvidenceSource`. For mail addresses and telephone numbers."""

    def __init__(self, contacts: Callable[[], ContactFacts]) -> None:
        self._contacts = contacts
        """Made when it is asked: the contacts ask vetting for the risk."""

    def evidence_of(self, customer_id: str, *, high_risk: bool) -> Sequence[VettingEvidence]:
        """See `ports.vetting.EvidenceSource`."""
        status = self._contacts().status(customer_id, high_risk=high_risk)
        found = [
            VettingEvidence(customer_id, VettingEvidenceKind.EMAIL, *told, _CHECKER)
            for told in self._of_mail(status, customer_id)
        ]
        if status.phone_verified_at:
            found.append(
                VettingEvidence(
                    customer_id, VettingEvidenceKind.PHONE, CheckOutcome.PASSED, status.phone_verified_at, _CHECKER
                )
            )
        return found

    def _of_mail(self, status: ContactStatus, customer_id: str) -> Iterator[tuple[CheckOutcome, datetime]]:
        if status.verified_at:
            yield CheckOutcome.PASSED, status.verified_at
        # The contact's own term may be shorter than that of other evidence.
        if status.valid_until and status.state in {ContactState.EXPIRED, ContactState.PENDING}:
            yield CheckOutcome.EXPIRED, status.valid_until
        elif status.state in {ContactState.INVALID, ContactState.PENDING}:
            yield from self._of_requests(status.state, customer_id)

    def _of_requests(self, state: ContactState, customer_id: str) -> Iterator[tuple[CheckOutcome, datetime]]:
        asked = [one for one in self._contacts().requests(customer_id) if one.kind is not RequestKind.PHONE]
        if state is ContactState.PENDING:
            waiting = [one.asked_at for one in asked if not one.settled]
            yield from ((CheckOutcome.PENDING, at) for at in waiting[-1:])
        else:
            yield from ((CheckOutcome.FAILED, one.failed_at) for one in asked if one.failed_at)
