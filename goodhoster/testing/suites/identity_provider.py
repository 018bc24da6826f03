"""The conformance suite of `IdentityProvider`.

What every client of a provider promises, as tests.

Subclass, give the fixtures, run by pytest.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime

import pytest

from goodhoster.errors import RefusedError, UnreadableError
from goodhoster.model.customers.vetting import CheckOutcome
from goodhoster.ports.vetting import IdentityProvider
from goodhoster.testing.http_answers import HANGS, OVERSIZED, RESETS, TRUNCATED, reply
from goodhoster.testing.http_server import FakeServer
from goodhoster.testing.identity_provider import Message

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
REFERENCE = "session-1"
_NO_ANSWERS = {
    "refuses": reply(401, b"{}"),
    "not found": reply(404, b"{}"),
    "too many": reply(429, b"{}"),
    "broken": reply(500, b"{}"),
    "redirect": reply(302, b"", {"Location": "http://127.0.0.1:9/"}),
    "empty": reply(200, b""),
    "true": reply(200, b"true"),
    "list": reply(200, b"[]"),
    "empty object": reply(200, b"{}"),
    "error page": reply(200, b"<html>passed</html>"),
    "deep": reply(200, b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "no text": reply(200, b"\xff\xfe\x00"),
    "truncated": TRUNCATED,
    "oversized": OVERSIZED,
    "resets": RESETS,
    "hangs": HANGS,
}


class IdentityProviderSuite(ABC):
    """What a provider's client must do, whoever the provider is."""

    @pytest.fixture
    @abstractmethod
    def provider(self) -> IdentityProvider:
        """A client that waits a few seconds at most, of the server in the fixture `server`.

        At the moment NOW.
        """

    @pytest.fixture
    @abstractmethod
    def server(self) -> FakeServer:
        """The server that it asks, and that knows REFERENCE as passed."""

    @abstractmethod
    def message(self, outcome: str) -> Message:
        """The headers and body of a rightly signed message about REFERENCE at NOW.

        `passed`, `failed` or `odd`.
        """

    def test_passed_is_read_of_a_signed_message(self, provider: IdentityProvider) -> None:
        event = provider.read_webhook(*self.message("passed"))

        assert (event.reference, event.provider) == (REFERENCE, provider.name)
        assert event.outcome in {
            CheckOutcome.PASSED,
            CheckOutcome.UNCHECKED,
        }  # unchecked: it only says that one must ask
        assert event.at <= NOW

    def test_what_was_not_passed_is_not(self, provider: IdentityProvider) -> None:
        assert provider.read_webhook(*self.message("failed")).outcome is not CheckOutcome.PASSED

    def test_a_word_that_is_not_known_is_unchecked(self, provider: IdentityProvider) -> None:
        assert provider.read_webhook(*self.message("odd")).outcome is CheckOutcome.UNCHECKED

    def test_header_names_are_found_in_any_case(self, provider: IdentityProvider) -> None:
        headers, body = self.message("passed")

        event = provider.read_webhook({name.upper(): value for name, value in headers.items()}, body)
        assert event.reference == REFERENCE

    def test_another_body_is_refused_before_it_is_read(self, provider: IdentityProvider) -> None:
        headers, body = self.message("failed")

        for other in (body + b" ", body[:-1], body.replace(b"session-1", b"session-2"), b"", b"{", b"\xff"):
            with pytest.raises(RefusedError):
                provider.read_webhook(headers, other)

    def test_another_signature_is_refused(self, provider: IdentityProvider) -> None:
        headers, body = self.message("passed")

        for name, value in headers.items():
            for other in ("", "0" * 64, value[:-1], value[:-1] + "é", "t=1,v1=" + "0" * 64, "é" * 64):
                with pytest.raises(RefusedError):
                    provider.read_webhook(headers | {name: other}, body)
        with pytest.raises(RefusedError):
            provider.read_webhook({}, body)

    def test_it_can_be_asked(self, provider: IdentityProvider) -> None:
        event = provider.pull(REFERENCE)

        assert (event.reference, event.outcome) == (REFERENCE, CheckOutcome.PASSED)
        assert event.at <= NOW

    @pytest.mark.parametrize("kind", _NO_ANSWERS)
    def test_what_is_no_answer_is_unchecked(self, provider: IdentityProvider, server: FakeServer, kind: str) -> None:
        server.behave = lambda _: _NO_ANSWERS[kind]

        event = provider.pull(REFERENCE)

        assert (event.reference, event.outcome) == (REFERENCE, CheckOutcome.UNCHECKED)
        assert event.reason

    def test_a_reference_cannot_lead_elsewhere(self, provider: IdentityProvider, server: FakeServer) -> None:
        assert provider.pull("../../other?x=1#y").outcome is CheckOutcome.UNCHECKED
        assert all("../" not in request.path and "?x" not in request.path for request in server.requests)

    def test_a_message_about_something_else_is_told(self, provider: IdentityProvider) -> None:
        with pytest.raises(UnreadableError):
            provider.read_webhook(*self.message("elsewhere"))
