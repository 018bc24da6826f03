"""The webhook receiver against a real HTTP server; the signature is verified as a receiver would."""

import hmac
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from goodhoster.adapters.pagers.webhook import Webhook, WebhookReceiver
from goodhoster.errors import PassingError
from goodhoster.model.alerts import Alert, AlertKind
from tests.alertreceiver import Receiver, alert_receiver

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALERT = Alert("k", AlertKind.OVERDUE, "N1 page-overdue", "notice N1: the deadline has passed", "at /srv/anna\n", NOON)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with alert_receiver() as found:
        yield found


def deliver(server: Receiver, **settings: object) -> None:
    WebhookReceiver(Webhook(server.url, **settings), lambda: NOON).deliver(ALERT, "20260302-alert-1-0")  # type: ignore[arg-type]


def test_the_body_is_signed_with_its_time_and_has_an_idempotency_key(server: Receiver) -> None:
    deliver(server, secret=lambda: "made-up-secret")
    (got,) = server.received
    seconds, signature = (part.partition("=")[2] for part in got.headers["Goodhoster-Signature"].split(","))
    assert int(seconds) == NOON.timestamp()
    expected = hmac.new(b"made-up-secret", seconds.encode() + b"." + got.body, "sha256").hexdigest()
    assert signature == expected
    assert got.headers["Idempotency-Key"] == got.content["id"] == "20260302-alert-1-0"
    assert (got.content["kind"], got.content["about"]) == ("overdue", "N1 page-overdue")


def test_paths_and_addresses_leave_the_machine_only_where_wanted(server: Receiver) -> None:
    deliver(server)
    deliver(server, details=True)
    assert ["/srv/anna" in got.body.decode() for got in server.received] == [False, True]


def test_a_chat_service_gets_text_alone(server: Receiver) -> None:
    deliver(server, plain=True)
    assert server.received[0].content == {"text": "notice N1: the deadline has passed"}
    assert server.received[0].headers["Goodhoster-Signature"] is None


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410, 429, 500, 503])
def test_any_other_answer_is_not_accepted_and_no_redirect_is_followed(server: Receiver, status: int) -> None:
    server.status = status
    with pytest.raises(PassingError, match=f"127.0.0.1 answered {status}"):
        deliver(server)
    assert len(server.received) == 1


def test_a_receiver_that_is_away_is_told_without_the_secret_in_its_address() -> None:
    with pytest.raises(PassingError, match=r"127\.0\.0\.1 cannot be reached") as failed:
        WebhookReceiver(Webhook("http://127.0.0.1:9/hook?key=of-the-address"), lambda: NOON).deliver(ALERT, "1")
    assert "of-the-address" not in str(failed.value)
