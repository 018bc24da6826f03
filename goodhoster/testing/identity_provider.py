"""A stand-in for an identity provider: it speaks the neutral protocol over a real socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from goodhoster.adapters.identity.neutral import SIGNATURE
from goodhoster.adapters.identity.signatures import sign
from goodhoster.testing.http_answers import CannedResponse, reply
from goodhoster.testing.http_server import FakeServer, ReceivedRequest

SECRET = "made-up-webhook-secret"  # noqa: S105 - of a stand-in
Message = tuple[dict[str, str], bytes]
"""Headers and body of a webhook."""


def signed_message(about: Mapping[str, str], now: datetime) -> Message:
    """A webhook's message, signed at that moment."""
    body = json.dumps(about).encode()
    seconds = str(int(now.timestamp()))
    return {SIGNATURE: f"t={seconds},v1={sign(seconds.encode() + b'.' + body, SECRET)}"}, body


class FakeIdentityProvider(FakeServer):
    """A provider whose sessions a test sets; also makes its webhooks' messages."""

    token = "made-up-token"  # noqa: S105 - of a stand-in
    secret = SECRET

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__(tls=tls)
        self.sessions: dict[str, dict[str, str]] = {}

    def set(self, reference: str, outcome: str, at: datetime, document_type: str = "passport") -> None:
        """Set how a session stands."""
        about = {"session": reference, "outcome": outcome, "at": at.isoformat(), "document_type": document_type}
        self.sessions[reference] = about

    def message(self, reference: str, event: str, now: datetime) -> Message:
        """A webhook's headers and body about a session as it stands, signed now."""
        return signed_message(self.sessions[reference] | {"event": event}, now)

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        """What it answers to a request."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return reply(401, b"{}")
        found = self.sessions.get(request.path.rpartition("/sessions/")[2])
        return reply(200, json.dumps(found).encode()) if found else reply(404, b"{}")
