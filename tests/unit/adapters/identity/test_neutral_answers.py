"""A pass of the neutral protocol is exactly that word, at a moment that was: whatever else is unchecked."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.adapters.identity.neutral import NeutralProvider
from goodhoster.adapters.identity.provider import ProviderAccount, parse_time
from goodhoster.errors import UnreadableError
from goodhoster.model.customers.vetting import CheckOutcome
from goodhoster.testing.identity_provider import SECRET, FakeIdentityProvider, signed_message

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
ABOUT = {"session": "s1", "outcome": "passed", "at": NOW.isoformat()}
WORDS = ["Passed", "PASSED", " passed ", "passed\n", "pass", "", None, True, ["passed"], "ｐassed"]
TIMES = [
    None,
    "",
    "yesterday",
    1793620800,
    "2026-11-02T12:00:00",
    "2026-11-02",
    "2026-02-30T12:00:00Z",
    [NOW.isoformat()],
]
IMPOSSIBLE = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]


@pytest.fixture
def server() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider() as made:
        yield made


@pytest.fixture
def provider(server: FakeIdentityProvider) -> NeutralProvider:
    return NeutralProvider(ProviderAccount("own", server.url, SECRET, server.token, within=5.0), lambda: NOW)


def pulled(server: FakeIdentityProvider, provider: NeutralProvider, **more: object) -> tuple[CheckOutcome, datetime]:
    server.sessions["s1"] = {**ABOUT, **more}  # type: ignore[dict-item]
    event = provider.pull("s1")
    return event.outcome, event.at


def test_the_exact_word_at_a_moment_that_was_passes(server: FakeIdentityProvider, provider: NeutralProvider) -> None:
    assert pulled(server, provider) == (CheckOutcome.PASSED, NOW)
    earlier = pulled(server, provider, at="2026-11-02T12:00:00+02:00")
    assert earlier == (CheckOutcome.PASSED, NOW - timedelta(hours=2))
    ahead = pulled(server, provider, at=(NOW + timedelta(minutes=4)).isoformat())  # clocks are never quite the same
    assert ahead == (CheckOutcome.PASSED, NOW)


@pytest.mark.parametrize("word", WORDS)
def test_another_word_is_unchecked(server: FakeIdentityProvider, provider: NeutralProvider, word: object) -> None:
    assert pulled(server, provider, outcome=word)[0] is CheckOutcome.UNCHECKED
    message = signed_message(json.loads(json.dumps(ABOUT | {"outcome": word})), NOW)
    assert provider.read_webhook(*message).outcome is CheckOutcome.UNCHECKED


@pytest.mark.parametrize("at", [*TIMES, *IMPOSSIBLE])
def test_a_pass_without_its_moment_is_unchecked(
    server: FakeIdentityProvider, provider: NeutralProvider, at: object
) -> None:
    assert pulled(server, provider, at=at)[0] is CheckOutcome.UNCHECKED
    with pytest.raises(UnreadableError, match="does not tell when"):
        provider.read_webhook(*signed_message({**ABOUT, "at": at}, NOW))  # type: ignore[dict-item]


def test_a_pass_that_is_not_told_when_is_unchecked(server: FakeIdentityProvider, provider: NeutralProvider) -> None:
    server.sessions["s1"] = {"session": "s1", "outcome": "passed"}
    assert provider.pull("s1").outcome is CheckOutcome.UNCHECKED


@pytest.mark.parametrize("ahead", [timedelta(minutes=6), timedelta(days=1), timedelta(days=3650)])
def test_a_pass_of_the_future_is_unchecked(
    server: FakeIdentityProvider, provider: NeutralProvider, ahead: timedelta
) -> None:
    assert pulled(server, provider, at=(NOW + ahead).isoformat()) == (CheckOutcome.UNCHECKED, NOW)


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_a_moment_that_no_calendar_has_in_utc_is_none(text: str) -> None:
    assert parse_time(text) is None


def test_a_pass_with_a_reason_to_refuse_is_unchecked(server: FakeIdentityProvider, provider: NeutralProvider) -> None:
    assert pulled(server, provider, reason="document_forged")[0] is CheckOutcome.UNCHECKED
    event = provider.read_webhook(*signed_message({**ABOUT, "event": "a5", "reason": "document_forged"}, NOW))
    assert (event.outcome, event.reason) == (CheckOutcome.UNCHECKED, "contradictory")
