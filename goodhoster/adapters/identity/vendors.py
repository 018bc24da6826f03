"""Stripe Identity, Veriff, Onfido and Sumsub by their own words.

Experimental: none was run against the vendor.

Each table maps the vendor's words; a word that is not in it is `unchecked`. So is what contradicts itself, and what a
test account or the vendor's sandbox says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from goodhoster.adapters.identity.provider import (
    CONTRADICTORY,
    TEST_MODE,
    MappedProvider,
    SessionReport,
    document_type_of,
    is_false,
    outcome_of,
    parse_time,
    parse_unix_time,
)
from goodhoster.adapters.identity.requests import IdentityRequest, text_at
from goodhoster.adapters.identity.signatures import header, sign, verify_body, verify_timed
from goodhoster.errors import RefusedError, UnreadableError
from goodhoster.model.customers.vetting import CheckOutcome

STRIPE = {
    "verified": CheckOutcome.PASSED,
    "processing": CheckOutcome.PENDING,
    "requires_input": CheckOutcome.PENDING,
    "canceled": CheckOutcome.ABANDONED,
}
VERIFF = {
    "approved": CheckOutcome.PASSED,
    "declined": CheckOutcome.FAILED,
    "resubmission_requested": CheckOutcome.RETRY,
    "review": CheckOutcome.REVIEW,
    "expired": CheckOutcome.EXPIRED,
    "abandoned": CheckOutcome.ABANDONED,
    "created": CheckOutcome.PENDING,
    "started": CheckOutcome.PENDING,
    "submitted": CheckOutcome.PENDING,
}
VERIFF_CODES = {
    9001: {"approved"},
    9102: {"declined"},
    9103: {"resubmission_requested"},
    9104: {"expired", "abandoned"},
    9121: {"review"},
}
"""The words that go with a code of a decision."""
VERIFF_APPROVED = 9001
ONFIDO = {"clear": CheckOutcome.PASSED, "consider": CheckOutcome.REVIEW}
ONFIDO_OPEN = {
    "in_progress": CheckOutcome.PENDING,
    "awaiting_applicant": CheckOutcome.PENDING,
    "paused": CheckOutcome.PENDING,
    "withdrawn": CheckOutcome.ABANDONED,
    "reopened": CheckOutcome.REVIEW,
}
SUMSUB_OPEN = {
    "init": CheckOutcome.PENDING,
    "pending": CheckOutcome.PENDING,
    "prechecked": CheckOutcome.PENDING,
    "queued": CheckOutcome.PENDING,
    "onhold": CheckOutcome.REVIEW,
}
SUMSUB_RED = {"final": CheckOutcome.FAILED, "retry": CheckOutcome.RETRY}
SUMSUB_REVIEWED = frozenset({"applicantReviewed", "applicantWorkflowCompleted"})
"""The messages that tell how the review of an applicant ended; others may repeat an older answer."""


class StripeIdentity(MappedProvider):
    """Stripe Identity: verification sessions."""

    metadata_keys = frozenset({"metadata"})

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`Stripe-Signature: t=…,v1=…`."""
        name = "Stripe-Signature"
        verify_timed((name, header(headers, name)), body, self.account.webhook_secret, self.clock)

    def read_message(self, message: Mapping[str, Any]) -> SessionReport:
        """An event whose type begins with `identity.verification_session.`."""
        data = message.get("data")
        session = data.get("object") if isinstance(data, dict) else None
        if not text_at(message, "type").startswith("identity.verification_session.") or not isinstance(session, dict):
            raise UnreadableError(f"the message of {self.name} is about no verification session")
        report = self.read_answer(session)
        at = parse_unix_time(message.get("created"))
        event = text_at(message, "type").rpartition(".")[2]
        status = {"created": "requires_input"}.get(event, event)
        report = SessionReport(report.reference, report.outcome, at, text_at(message, "id"), reason=report.reason)
        return report.unchecked_if(
            {TEST_MODE: message.get("livemode", True) is not True, CONTRADICTORY: status != text_at(session, "status")}
        )

    def request(self, reference: str) -> IdentityRequest:
        """`GET /v1/identity/verification_sessions/ID`."""
        url = f"{self.account.url.rstrip('/')}/v1/identity/verification_sessions/{reference}"
        headers = {"Authorization": f"Bearer {self.account.token}"}
        return IdentityRequest(url, headers, within=self.account.within, ca_file=self.account.ca_file)

    def read_answer(self, answer: Mapping[str, Any]) -> SessionReport:
        """`requires_input` is a new session.

        And with `last_error` one that failed and can be tried again.
        """
        status, failed = text_at(answer, "status"), text_at(answer, "last_error", "code")
        outcome = outcome_of(STRIPE, status)
        if status == "requires_input" and answer.get("last_error"):
            outcome = CheckOutcome.RETRY
        test = self.account.token.startswith(("sk_test_", "rk_test_")) or answer.get("livemode", True) is not True
        contradictory = status == "verified" and bool(answer.get("last_error"))
        report = SessionReport(text_at(answer, "id"), outcome, reason=failed)
        return report.unchecked_if({TEST_MODE: test, CONTRADICTORY: contradictory})


class Veriff(MappedProvider):
    """Veriff: sessions and their decision, whose word and numeric code must go together."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`x-hmac-signature` over the body."""
        verify_body(headers, "x-hmac-signature", body, self.account.webhook_secret)

    def read_message(self, message: Mapping[str, Any]) -> SessionReport:
        """A decision; other events tell no moment, and are refused: the pull finds what they mean."""
        return self.read_answer(message)

    def request(self, reference: str) -> IdentityRequest:
        """`GET /v1/sessions/ID/decision`, the id signed."""
        headers = {
            "X-AUTH-CLIENT": self.account.token,
            "X-HMAC-SIGNATURE": sign(reference.encode(), self.account.webhook_secret),
        }
        url = f"{self.account.url.rstrip('/')}/v1/sessions/{reference}/decision"
        return IdentityRequest(url, headers, within=self.account.within, ca_file=self.account.ca_file)

    def read_answer(self, answer: Mapping[str, Any]) -> SessionReport:
        """`verification.status`; the outer `status` only says that the call succeeded."""
        report = SessionReport(
            text_at(answer, "verification", "id"),
            outcome_of(VERIFF, text_at(answer, "verification", "status")),
            parse_time(text_at(answer, "verification", "decisionTime")),
            document_type=document_type_of(text_at(answer, "verification", "document", "type")),
        )
        return report.unchecked_if({CONTRADICTORY: _veriff_contradicts(answer)})


class Onfido(MappedProvider):
    """Onfido: checks."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`X-SHA2-Signature` over the body."""
        verify_body(headers, "X-SHA2-Signature", body, self.account.webhook_secret)

    def read_message(self, message: Mapping[str, Any]) -> SessionReport:
        """It says that a check is complete, not how it ended: unchecked, so that it is asked."""
        if text_at(message, "payload", "resource_type") != "check":
            raise UnreadableError(f"the message of {self.name} is about no check")
        at = parse_time(text_at(message, "payload", "object", "completed_at_iso8601"))
        check = text_at(message, "payload", "object", "id")
        if text_at(message, "payload", "resource", "id") not in {"", check}:
            raise UnreadableError(f"the message of {self.name} is about two checks")
        return SessionReport(check, CheckOutcome.UNCHECKED, at or self.clock())

    def request(self, reference: str) -> IdentityRequest:
        """`GET /v3.6/checks/ID`."""
        headers = {"Authorization": f"Token token={self.account.token}"}
        url = f"{self.account.url.rstrip('/')}/v3.6/checks/{reference}"
        return IdentityRequest(url, headers, within=self.account.within, ca_file=self.account.ca_file)

    def read_answer(self, answer: Mapping[str, Any]) -> SessionReport:
        """`result` counts once `status` is `complete`."""
        complete = text_at(answer, "status") == "complete"
        outcome = outcome_of(ONFIDO, text_at(answer, "result"))
        if not complete:
            outcome = outcome_of(ONFIDO_OPEN, text_at(answer, "status"))
        test = self.account.token.startswith("api_sandbox") or not is_false(answer, "sandbox")
        contradictory = complete and not is_false(answer, "paused")
        return SessionReport(text_at(answer, "id"), outcome).unchecked_if(
            {TEST_MODE: test, CONTRADICTORY: contradictory}
        )


class Sumsub(MappedProvider):
    """Sumsub: applicants. Only HMAC-SHA256 is taken, whatever algorithm a message names."""

    metadata_keys = frozenset({"metadata"})

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`X-Payload-Digest` over the body."""
        if header(headers, "X-Payload-Digest-Alg").strip().upper() != "HMAC_SHA256_HEX":
            raise RefusedError("X-Payload-Digest-Alg is not HMAC_SHA256_HEX", hint="set it so on the provider's page")
        verify_body(headers, "X-Payload-Digest", body, self.account.webhook_secret)

    def read_message(self, message: Mapping[str, Any]) -> SessionReport:
        """`applicantId`, `reviewStatus`, `reviewResult`."""
        report = self.read_answer({"id": message.get("applicantId"), **message})
        at = parse_time(text_at(message, "createdAtMs"))
        applicant = text_at(message, "applicantId")
        about_another = report.reference != applicant
        other_event = report.outcome is CheckOutcome.PASSED and text_at(message, "type") not in SUMSUB_REVIEWED
        found = SessionReport(applicant, report.outcome, at, text_at(message, "correlationId"), reason=report.reason)
        return found.unchecked_if({CONTRADICTORY: about_another, "other-event": other_event})

    def request(self, reference: str) -> IdentityRequest:
        """`GET /resources/applicants/ID/one`, signed with the time."""
        url = f"{self.account.url.rstrip('/')}/resources/applicants/{reference}/one"
        at = str(int(self.clock().timestamp()))
        signed = f"{at}GET{urlsplit(url).path}".encode()
        headers = {
            "X-App-Token": self.account.app_id,
            "X-App-Access-Ts": at,
            "X-App-Access-Sig": sign(signed, self.account.token),
        }
        return IdentityRequest(url, headers, within=self.account.within, ca_file=self.account.ca_file)

    def read_answer(self, answer: Mapping[str, Any]) -> SessionReport:
        """GREEN passes once the review is completed; RED is final, or to be tried again."""
        review = answer.get("review", answer)
        review = review if isinstance(review, dict) else {}
        status, said = text_at(review, "reviewStatus").lower(), text_at(review, "reviewResult", "reviewAnswer")
        if status != "completed":
            outcome = outcome_of(SUMSUB_OPEN, status)
        elif said == "GREEN":
            outcome = CheckOutcome.PASSED
        elif said == "RED":
            outcome = outcome_of(SUMSUB_RED, text_at(review, "reviewResult", "reviewRejectType"))
        else:
            outcome = CheckOutcome.UNCHECKED
        test = self.account.app_id.startswith("sbx:") or not is_false(answer, "sandboxMode")
        return SessionReport(text_at(answer, "id"), outcome).unchecked_if(
            {TEST_MODE: test, CONTRADICTORY: _sumsub_contradicts(answer, outcome)}
        )


def _veriff_contradicts(answer: Mapping[str, Any]) -> bool:
    """Whether the code, or a reason to refuse, does not go with the word."""
    verification = answer.get("verification")
    if not isinstance(verification, dict) or answer.get("status", "success") != "success":
        return True
    status, code = text_at(verification, "status").strip().lower(), verification.get("code", 0)
    if status == "approved":
        refused = verification.get("reasonCode") or verification.get("reason")
        return bool(refused) or ("code" in verification and (isinstance(code, bool) or code != VERIFF_APPROVED))
    return isinstance(code, int) and code in VERIFF_CODES and status not in VERIFF_CODES[code]


def _sumsub_contradicts(answer: Mapping[str, Any], outcome: CheckOutcome) -> bool:
    """Whether there are two reviews, or a pass has reasons to refuse."""
    if "review" in answer and ("reviewStatus" in answer or "reviewResult" in answer):
        return True
    review = answer.get("review", answer)
    result = review.get("reviewResult") if isinstance(review, dict) else None
    refused = isinstance(result, dict) and (result.get("rejectLabels") or result.get("reviewRejectType"))
    return outcome is CheckOutcome.PASSED and bool(refused)
