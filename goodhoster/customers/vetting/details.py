"""The detail that is kept of each kind of evidence.

A word of a list, or the number of a company.
"""

from __future__ import annotations

from goodhoster.customers.vetting.company_numbers import read_company_number
from goodhoster.errors import RefusedError
from goodhoster.model.customers.vetting import CheckOutcome, VettingEvidenceKind

DOCUMENT_TYPES = ("passport", "identity-card", "driving-licence", "residence-permit", "other")
NAMED_PAYMENTS = ("bank-transfer", "direct-debit", "card", "invoice", "ideal", "paypal")
ANONYMOUS_PAYMENTS = ("cryptocurrency", "prepaid", "voucher", "cash")


def read_detail(kind: VettingEvidenceKind, outcome: CheckOutcome, written: str, *, company: bool) -> str:
    """The detail as it is kept; RefusedError where it is not one of those."""
    if kind is VettingEvidenceKind.IDENTITY_DOCUMENT:
        return _allowed_word(written, DOCUMENT_TYPES, "the type of the document")
    if kind is VettingEvidenceKind.COMPANY_NUMBER:
        return str(read_company_number(written, company=company))
    if kind is VettingEvidenceKind.PAYMENT_METHOD:
        word = _allowed_word(written, NAMED_PAYMENTS + ANONYMOUS_PAYMENTS, "the payment method")
        if word in ANONYMOUS_PAYMENTS and outcome is CheckOutcome.PASSED:
            raise RefusedError(f"{word} names nobody, so it cannot pass", hint="write it down as failed")
        return word
    if written:
        raise RefusedError(f"of {kind} no detail is kept", hint="leave it out; the reason can say more")
    return ""


def _allowed_word(written: str, allowed: tuple[str, ...], what: str) -> str:
    word = written.strip().lower().replace(" ", "-")
    if word not in allowed:
        # It is not repeated: it may be a number that nobody should keep.
        raise RefusedError(f"{what} is not one of those that are kept", hint="give one of " + ", ".join(allowed))
    return word
