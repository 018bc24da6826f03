"""What a contact has proven is evidence, and nothing that it has not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.customers.vetting.answering_contacts import AnsweringContacts
from goodhoster.model.customers.contact_requests import ContactRequest, RequestKind
from goodhoster.model.customers.register import Contact, Customer
from goodhoster.model.customers.vetting import CheckOutcome, RiskEstimate, RiskLevel, VettingEvidenceKind, VettingState
from goodhoster.policy.contacts import status_of
from goodhoster.policy.vetting import VettingPolicy, assess

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
ANNA = Customer("anna", contacts=(Contact("email", "anna@client.example"), Contact("phone", "+31201234567")))
POLICY = VettingPolicy(required={RiskLevel.NORMAL: (VettingEvidenceKind.EMAIL,)})
RISK = RiskEstimate(RiskLevel.NORMAL, 0, ())


class Facts:
    """The contacts of one customer, with these requests."""

    def __init__(self, *requests: ContactRequest) -> None:
        self.asked = requests

    def status(self, _customer: str, *, high_risk: bool) -> object:  # noqa: ARG002 - as the port has it
        return status_of(ANNA, self.asked, NOW, timedelta(days=90))

    def requests(self, _customer: str) -> object:
        return self.asked


def asked(days: int, kind: RequestKind = RequestKind.VERIFY, **more: datetime) -> ContactRequest:
    at = NOW - timedelta(days=days)
    address = ANNA.contacts[kind is RequestKind.PHONE].address
    made = ContactRequest(f"C{days}", kind, "anna", address, at, at + timedelta(days=7), at + timedelta(days=7))
    return replace(made, **more)  # type: ignore[arg-type]


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.mark.parametrize(
    ("requests", "state"),
    [
        ((), VettingState.MISSING),
        ((asked(1),), VettingState.REVIEW),
        ((asked(30, silent_at=ago(20)),), VettingState.MISSING),
        ((asked(30, answered_at=ago(29)),), VettingState.VETTED),
        ((asked(30, answered_at=ago(29)), asked(1)), VettingState.VETTED),
        ((asked(30, answered_at=ago(29)), asked(2, failed_at=ago(1))), VettingState.FAILED),
        ((asked(30, failed_at=ago(29)), asked(2, answered_at=ago(1))), VettingState.VETTED),
        # The contact's own term of 90 days is over; that of other evidence is a year.
        ((asked(100, answered_at=ago(99)),), VettingState.MISSING),
        ((asked(100, answered_at=ago(99)), asked(1)), VettingState.MISSING),
        # A telephone proves no mail address.
        ((asked(1, RequestKind.PHONE, answered_at=ago(1)),), VettingState.MISSING),
    ],
)
def test_only_what_was_answered_and_still_counts_is_proven(
    requests: tuple[ContactRequest, ...], state: VettingState
) -> None:
    evidence = AnsweringContacts(lambda: Facts(*requests)).evidence_of("anna", high_risk=False)  # type: ignore[arg-type,return-value]
    assert assess(evidence, RISK, POLICY, NOW).state is state


def test_a_telephone_that_was_heard_is_evidence_of_its_own() -> None:
    facts = Facts(asked(3, RequestKind.PHONE, answered_at=ago(3)))
    (found,) = AnsweringContacts(lambda: facts).evidence_of("anna", high_risk=False)  # type: ignore[arg-type,return-value]
    assert (found.kind, found.outcome, found.at) == (VettingEvidenceKind.PHONE, CheckOutcome.PASSED, ago(3))
