"""Stripe Identity, Veriff, Onfido and Sumsub by their own words.

Experimental: none was run against the vendor.

Each table maps the vendor's words; a word that is not in it is `unchecked`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from goodhoster.adapters.identity.provider import (
    MappedProvider,
    Told,
    document_of,
    moment,
    moment_of_seconds,
    outcome_of,
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
ONFIDO = {"clear": CheckOutcome.PASSED, "consider": CheckOutcome.REVIEW}
SUMSUB_OPEN = {
    "init": CheckOutcome.PENDING,
    "pending": CheckOutcome.PENDING,
    "prechecked": CheckOutcome.PENDING,
    "queued": CheckOutcome.PENDING,
    "onhold": CheckOutcome.REVIEW,
}
SUMSUB_RED = {"final": CheckOutcome.FAILED, "retry": CheckOutcome.RETRY}


class StripeIdentity(MappedProvider):
    """Stripe Identity: verification sessions."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`Stripe-Signature: t=…,v1=…`."""
        name = "Stripe-Signature"
        verify_timed((name, header(headers, name)), body, self.account.webhook_secret, self.clock)

    def read_message(self, message: Mapping[str, Any]) -> Told:
        """An event whose type begins with `identity.verification_session.`."""
        data = message.get("data")
        session = data.get("object") if isinstance(data, dict) else None
        if not text_at(message, "type").startswith("identity.verification_session.") or not isinstance(session, dict):
            raise UnreadableError(f"the message of {self.name} is about no verification session")
        told = self.read_answer(session)
        at = moment_of_seconds(message.get("created"))
        return Told(told.reference, told.outcome, at, text_at(message, "id"), reason=told.reason)

    def request(self, reference: str) -> IdentityRequest:
        """`GET /v1/identity/verification_sessions/ID`."""
        url = f"{self.account.url.rstrip('/')}/v1/identity/verification_sessions/{reference}"
        headers = {"Authorization": f"Bearer {self.account.token}"}
        return IdentityRequest(url, headers, within=self.account.within, ca_file=self.account.ca_file)

    def read_answer(self, answer: Mapping[str, Any]) -> Told:
        """`requires_input` is a new session.

        And with `last_error` one that failed and can be tried again.
        """
        status, failed = text_at(answer, "status"), text_at(answer, "last_error", "code")
        outcome = outcome_of(STRIPE, status)
        if status == "requires_input" and answer.get("last_error"):
            outcome = CheckOutcome.RETRY
        return Told(text_at(answer, "id"), outcome, reason=failed)


class Veriff(MappedProvider):
    """Veriff: sessions and their decision.

    Its words are read, never its numeric codes: they conflict.
    """

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`x-hmac-signature` over the body."""
        verify_body(headers, "x-hmac-signature", body, self.account.webhook_secret)

    def read_message(self, message: Mapping[str, Any]) -> Told:
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

    def read_answer(self, answer: Mapping[str, Any]) -> Told:
        """`verification.status`; the outer `status` only says that the call succeeded."""
        return Told(
            text_at(answer, "verification", "id"),
            outcome_of(VERIFF, text_at(answer, "verification", "status")),
            moment(text_at(answer, "verification", "decisionTime")),
            document_type=document_of(text_at(answer, "verification", "document", "type")),
        )


class Onfido(MappedProvider):
    """Onfido: checks."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`X-SHA2-Signature` over the body."""
        verify_body(headers, "X-SHA2-Signature", body, self.account.webhook_secret)

    def read_message(self, message: Mapping[str, Any]) -> Told:
        """It says that a check is complete, not how it ended: unchecked, so that it is asked."""
        if text_at(message, "payload", "resource_type") != "check":
            raise UnreadableError(f"the message of {self.name} is about no check")
        at = moment(text_at(message, "payload", "object", "completed_at_iso8601"))
        return Told(text_at(message, "payload", "object", "id"), CheckOutcome.UNCHECKED, at or self.clock())

    def request(self, reference: str) -> IdentityRequest:
        """`GET /v3.6/checks/ID`."""
        headers = {"Authorization": f"Token token={self.account.token}"}
        url = f"{self.account.url.rstrip('/')}/v3.6/checks/{reference}"
        return IdentityRequest(url, headers, within=self.account.within, ca_file=self.account.ca_file)

    def read_answer(self, answer: Mapping[str, Any]) -> Told:
        """`result` counts once `status` is `complete`."""
        status = text_at(answer, "status")
        outcome = outcome_of(ONFIDO, text_at(answer, "result")) if status == "complete" else CheckOutcome.PENDING
        if status in {"withdrawn", "reopened", ""}:
            outcome = {"withdrawn": CheckOutcome.ABANDONED, "reopened": CheckOutcome.REVIEW}.get(
                status, CheckOutcome.UNCHECKED
            )
        return Told(text_at(answer, "id"), outcome)


class Sumsub(MappedProvider):
    """Sumsub: applicants. Only HMAC-SHA256 is taken, whatever algorithm a message names."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`X-Payload-Digest` over the body."""
        if header(headers, "X-Payload-Digest-Alg").strip().upper() != "HMAC_SHA256_HEX":
            raise RefusedError("X-Payload-Digest-Alg is not HMAC_SHA256_HEX", hint="set it so on the provider's page")
        verify_body(headers, "X-Payload-Digest", body, self.account.webhook_secret)

    def read_message(self, message: Mapping[str, Any]) -> Told:
        """`applicantId`, `reviewStatus`, `reviewResult`."""
        told = self.read_answer({"id": message.get("applicantId"), **message})
        at = moment(text_at(message, "createdAtMs"))
        return Told(text_at(message, "applicantId"), told.outcome, at, text_at(message, "correlationId"))

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

    def read_answer(self, answer: Mapping[str, Any]) -> Told:
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
        return Told(text_at(answer, "id"), outcome)
