"""What gates and letters take from the contacts: only a verified address is proven."""

from __future__ import annotations

from goodhoster.model.customers.contact_requests import ContactRequest, ContactState, RequestKind
from goodhoster.model.customers.gates import GateAnswer, GateFinding
from goodhoster.ports.contacts import ContactFacts
from goodhoster.ports.standing import ContactFinding

_ANSWERS = {
    ContactState.VERIFIED: GateAnswer.YES,
    ContactState.UNCHECKED: GateAnswer.UNCHECKED,
    ContactState.PENDING: GateAnswer.UNCHECKED,
}
"""All others are no."""


class ProvenContacts:
    """See `ports.standing.ContactCheck`."""

    def __init__(self, contacts: ContactFacts) -> None:
        self._contacts = contacts

    def contact_of(self, customer: str) -> ContactFinding:
        """See `ports.standing.ContactCheck`."""
        status = self._contacts.status(customer)
        reason = f"{status.state}: {status.why}" if status.why else status.state.value
        proven = GateFinding(_ANSWERS.get(status.state, GateAnswer.NO), reason)
        asked = [one for one in self._contacts.requests(customer) if _by_mail(one) and _over(one)]
        if not asked:
            return ContactFinding(proven)
        last = asked[-1]
        took = last.answered_at - last.asked_at if last.answered_at else None
        return ContactFinding(proven, took, silent=took is None)

    def address_of(self, customer: str) -> str:
        """See `ports.standing.ContactCheck`."""
        if self._contacts.status(customer).state is not ContactState.VERIFIED:
            return ""
        answered = [one for one in self._contacts.requests(customer) if _by_mail(one) and one.answered_at]
        return answered[-1].address if answered else ""


def _by_mail(request: ContactRequest) -> bool:
    return request.kind is not RequestKind.PHONE


def _over(request: ContactRequest) -> bool:
    return request.answered_at is not None or request.silent_at is not None
