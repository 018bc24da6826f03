"""Every client of an identity provider keeps the promises of the port."""

import json
from abc import abstractmethod
from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import pytest

from goodhoster.adapters.identity.neutral import NeutralProvider
from goodhoster.adapters.identity.provider import MappedProvider, ProviderAccount
from goodhoster.adapters.identity.signatures import sign
from goodhoster.adapters.identity.vendors import Onfido, StripeIdentity, Sumsub, Veriff
from goodhoster.errors import RefusedError
from goodhoster.model.customers.vetting import CheckOutcome
from goodhoster.ports.vetting import IdentityProvider
from goodhoster.testing.http_answers import CannedResponse, reply
from goodhoster.testing.http_server import FakeServer, ReceivedRequest
from goodhoster.testing.identity_provider import FakeIdentityProvider, Message, signed_message
from goodhoster.testing.suites.identity_provider import NOW, REFERENCE, IdentityProviderSuite

SECRET = FakeIdentityProvider.secret
SECONDS = str(int(NOW.timestamp()))


class Vendor(FakeServer):
    """Gives one JSON answer to whoever asks about REFERENCE."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        return reply(200, json.dumps(self.answer).encode()) if REFERENCE in request.path else reply(404, b"{}")


def timed(body: bytes) -> str:
    return f"t={SECONDS},v1={sign(SECONDS.encode() + b'.' + body, SECRET)}"


def account(server: FakeServer, name: str) -> ProviderAccount:
    return ProviderAccount(name, server.url, SECRET, FakeIdentityProvider.token, app_id="app", within=3.0)


class TestNeutral(IdentityProviderSuite):
    @pytest.fixture
    def server(self) -> Iterator[FakeIdentityProvider]:
        with FakeIdentityProvider() as server:
            server.set(REFERENCE, "passed", NOW - timedelta(minutes=1))
            yield server

    @pytest.fixture
    def provider(self, server: FakeIdentityProvider) -> IdentityProvider:
        return NeutralProvider(account(server, "neutral"), lambda: NOW)

    def message(self, outcome: str) -> Message:
        about = {"outcome": outcome, "at": NOW.isoformat(), "event": "event-1"}
        return signed_message(about if outcome == "elsewhere" else about | {"session": REFERENCE}, NOW)

    def test_an_old_message_is_refused(self, provider: IdentityProvider) -> None:
        for apart in (timedelta(seconds=-301), timedelta(seconds=301)):
            with pytest.raises(RefusedError, match="too long ago"):
                provider.read_webhook(*signed_message({"session": REFERENCE, "outcome": "passed"}, NOW + apart))

    def test_one_right_signature_of_two_is_enough(self, provider: IdentityProvider) -> None:
        headers, body = self.message("passed")
        (name,) = headers
        seconds, _, right = headers[name].partition(",")

        assert provider.read_webhook({name: f"{seconds},v1={'0' * 64},{right}"}, body).outcome is CheckOutcome.PASSED


class VendorSuite(IdentityProviderSuite):
    make: type[MappedProvider]
    answer: ClassVar[object]

    @pytest.fixture
    def server(self) -> Iterator[FakeServer]:
        with Vendor(self.answer) as server:
            yield server

    @pytest.fixture
    def provider(self, server: FakeServer) -> IdentityProvider:
        return self.make(account(server, "vendor"), lambda: NOW)

    def message(self, outcome: str) -> Message:
        body = json.dumps(self.told(outcome)).encode()
        return self.signed(body), body

    @abstractmethod
    def told(self, outcome: str) -> object: ...

    @abstractmethod
    def signed(self, body: bytes) -> dict[str, str]: ...


class TestStripe(VendorSuite):
    make = StripeIdentity
    answer: ClassVar[object] = {
        "id": REFERENCE,
        "object": "identity.verification_session",
        "status": "verified",
        "last_error": None,
    }

    def told(self, outcome: str) -> object:
        session: dict[str, object] = {
            "id": REFERENCE,
            "status": {"passed": "verified", "failed": "requires_input"}.get(outcome, "odd"),
        }
        if outcome == "failed":
            session["last_error"] = {"code": "document_expired", "reason": "The document is expired."}
        kind = (
            "payment_intent.succeeded"
            if outcome == "elsewhere"
            else f"identity.verification_session.{session['status']}"
        )
        return {"id": "evt_1", "created": int(SECONDS), "type": kind, "data": {"object": session}}

    def signed(self, body: bytes) -> dict[str, str]:
        return {"Stripe-Signature": timed(body)}

    def test_requires_input_is_new_or_failed(self, provider: IdentityProvider) -> None:
        assert isinstance(provider, StripeIdentity)
        new = provider.read_answer({"id": REFERENCE, "status": "requires_input", "last_error": None})
        failed = provider.read_answer({"id": REFERENCE, "status": "requires_input", "last_error": {"code": "x"}})

        assert (new.outcome, failed.outcome) == (CheckOutcome.PENDING, CheckOutcome.RETRY)


class TestVeriff(VendorSuite):
    make = Veriff
    answer: ClassVar[object] = {
        "status": "success",
        "verification": {"id": REFERENCE, "status": "approved", "code": 9001},
    }

    def told(self, outcome: str) -> object:
        word = {"passed": "approved", "failed": "declined"}.get(outcome, "odd")
        about = {
            "id": REFERENCE,
            "status": word,
            "code": 9102 if outcome == "failed" else 9001,
            "decisionTime": "2026-11-02T11:59:00.123Z",
        }
        return {"id": REFERENCE, "action": "started"} if outcome == "elsewhere" else {"verification": about}

    def signed(self, body: bytes) -> dict[str, str]:
        return {"x-hmac-signature": sign(body, SECRET)}


class TestOnfido(VendorSuite):
    make = Onfido
    answer: ClassVar[object] = {"id": REFERENCE, "status": "complete", "result": "clear"}

    def told(self, outcome: str) -> object:
        about = {"id": REFERENCE, "status": "complete", "completed_at_iso8601": "2026-11-02T11:59:00Z"}
        kind = "report" if outcome == "elsewhere" else "check"
        return {"payload": {"resource_type": kind, "action": "check.completed", "object": about}}

    def signed(self, body: bytes) -> dict[str, str]:
        return {"X-SHA2-Signature": sign(body, SECRET)}

    def test_a_result_counts_once_the_check_is_complete(self, provider: IdentityProvider) -> None:
        assert isinstance(provider, Onfido)
        early = provider.read_answer({"id": REFERENCE, "status": "in_progress", "result": "clear"})

        assert early.outcome is CheckOutcome.PENDING


class TestSumsub(VendorSuite):
    make = Sumsub
    answer: ClassVar[object] = {
        "id": REFERENCE,
        "review": {"reviewStatus": "completed", "reviewResult": {"reviewAnswer": "GREEN"}},
    }

    def told(self, outcome: str) -> object:
        result = {
            "passed": {"reviewAnswer": "GREEN"},
            "failed": {"reviewAnswer": "RED", "reviewRejectType": "FINAL"},
        }.get(outcome, {"reviewAnswer": "BLUE"})
        about = {"reviewStatus": "completed", "reviewResult": result, "createdAtMs": "2026-11-02 11:59:00.123"}
        return about if outcome == "elsewhere" else {"applicantId": REFERENCE, "type": "applicantReviewed", **about}

    def signed(self, body: bytes) -> dict[str, str]:
        return {"X-Payload-Digest": sign(body, SECRET), "X-Payload-Digest-Alg": "HMAC_SHA256_HEX"}

    def test_green_before_the_review_is_completed_is_no_pass(self, provider: IdentityProvider) -> None:
        assert isinstance(provider, Sumsub)
        early = {"reviewStatus": "pending", "reviewResult": {"reviewAnswer": "GREEN"}}

        assert provider.read_answer({"id": REFERENCE, "review": early}).outcome is CheckOutcome.PENDING
