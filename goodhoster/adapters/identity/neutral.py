"""The neutral protocol.

What any provider, or a gateway before it, can speak (docs/how-to-know-your-customers.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goodhoster.adapters.identity.provider import (
    NO_MOMENT,
    TEST_MODE,
    MappedProvider,
    SessionReport,
    document_type_of,
    is_false,
    parse_zoned_time,
)
from goodhoster.adapters.identity.requests import IdentityRequest, text_at
from goodhoster.adapters.identity.signatures import header, verify_timed
from goodhoster.model.customers.vetting import CheckOutcome

SIGNATURE = "Goodhoster-Signature"
_WORDS = {outcome.value: outcome for outcome in CheckOutcome}


class NeutralProvider(MappedProvider):
    """A provider that speaks the neutral protocol."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`Goodhoster-Signature: t=SECONDS,v1=HEX`."""
        verify_timed((SIGNATURE, header(headers, SIGNATURE)), body, self.account.webhook_secret, self.clock)

    def read_message(self, message: Mapping[str, Any]) -> SessionReport:
        """`{event, session, outcome, at, document_type, reason, test}`."""
        report = SessionReport(
            text_at(message, "session"),
            _WORDS.get(text_at(message, "outcome"), CheckOutcome.UNCHECKED),
            parse_zoned_time(text_at(message, "at")),
            text_at(message, "event"),
            document_type_of(text_at(message, "document_type")),
            text_at(message, "reason"),
        )
        return report.unchecked_if({TEST_MODE: not is_false(message, "test"), NO_MOMENT: report.at is None})

    def request(self, reference: str) -> IdentityRequest:
        """`GET URL/sessions/REFERENCE`."""
        account = self.account
        headers = {"Authorization": f"Bearer {account.token}"}
        url = f"{account.url.rstrip('/')}/sessions/{reference}"
        return IdentityRequest(url, headers, within=account.within, ca_file=account.ca_file)

    def read_answer(self, answer: Mapping[str, Any]) -> SessionReport:
        """Read an answer: the object of a message, without `event`."""
        return self.read_message(answer)
