from datetime import UTC, datetime, timedelta

import pytest

from goodhoster.adapters.hash_sources.answers import HashServiceReply, parse_retry_after, read_answer
from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.errors import SourceRefusedError, SourceUnavailableError

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def read(reply: HashServiceReply) -> bool:
    return read_answer(reply, source="made-up", now=NOW)


def test_only_the_two_bare_words_are_answers() -> None:
    assert read(HashServiceReply(200, b"true")) is True
    assert read(HashServiceReply(200, b"false")) is False


@pytest.mark.parametrize("body", [b"True", b"FALSE", b"false\n", b" true", b"true\x00", b"", b"0", b"null"])
def test_a_body_that_differs_by_a_byte_is_no_answer(body: bytes) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        read(HashServiceReply(200, body))
    assert caught.value.reason == Reason.ODD_ANSWER
    assert caught.value.hint


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (201, "odd-answer"),
        (204, "odd-answer"),
        (301, "redirected"),
        (302, "redirected"),
        (400, "client-error"),
        (404, "client-error"),
        (407, "client-error"),
        (429, "rate-limited"),
        (500, "server-error"),
        (503, "server-error"),
        (700, "odd-answer"),
    ],
)
@pytest.mark.parametrize("body", [b"true", b"false"])
def test_another_status_is_no_answer_whatever_the_body(status: int, reason: str, body: bytes) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        read(HashServiceReply(status, body))
    assert caught.value.reason == reason


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_account_is_for_a_person(status: int) -> None:
    with pytest.raises(SourceRefusedError) as caught:
        read(HashServiceReply(status, b"false"))
    assert caught.value.reason == "refused"
    assert "password" in caught.value.hint


@pytest.mark.parametrize(("status", "wait"), [(429, 7.0), (503, 7.0), (500, None), (302, None), (200, None)])
def test_only_a_service_that_is_busy_says_when(status: int, wait: float | None) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        read(HashServiceReply(status, b"", "7"))
    assert caught.value.retry_after == wait


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("Sun, 29 Mar 2026 01:30:10 GMT", 10.0),
        ("Sun, 29 Mar 2026 01:30:10 -0000", 10.0),
        ("Sunday, 29-Mar-26 01:30:10 GMT", 10.0),
        ("Sun, 29 Mar 2026 01:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 5000, None),
        ("Sun, 99 Mar 2026 01:30:10 GMT", None),
        ("Sun, 29 Mar 2026 01:30:10 +9999", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, now=NOW) == seconds


def test_a_date_counts_from_now() -> None:
    assert parse_retry_after("Sun, 29 Mar 2026 01:30:10 GMT", now=NOW + timedelta(seconds=4)) == 6.0
