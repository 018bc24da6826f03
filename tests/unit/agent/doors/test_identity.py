"""Messages of identity providers by HTTP: signed, fresh, bounded; told once a minute when they are not."""

import http.client
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta

import pytest
from aiohttp import web

from goodhoster.adapters.identity.neutral import SIGNATURE
from goodhoster.model.customers.vetting import CheckOutcome, VettingState
from goodhoster.testing.http_answers import HANGS
from goodhoster.testing.identity_provider import FakeIdentityProvider, signed_message
from goodhoster_agent.doors.http_server import HttpThread
from goodhoster_agent.doors.identity import IdentityMessages
from tests.unit.customers.test_vetting_desk import JAN, NOW, Desk, made, provided, server

__all__ = ["made", "server"]


class Door:
    def __init__(self, made: Desk, server: FakeIdentityProvider) -> None:
        self.made, self.server = made, server
        self.there = True
        self.seconds = 0.0
        desk = provided(made, server)
        self.messages = IdentityMessages(lambda: desk if self.there else None, lambda: self.seconds)
        self.thread = HttpThread(self._app, ("127.0.0.1", 0))

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 30)
        self.messages.add_to(app)
        return app

    def post(self, headers: Mapping[str, str], body: bytes, name: str = "idp") -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.thread.port, timeout=120)) as connection:
            connection.request("POST", f"/identity/{name}", body, dict(headers))
            response = connection.getresponse()
            self.answer = response.read().decode()
            return response.status

    def told(self, outcome: str = "passed", reference: str = "s1", **more: str) -> int:
        return self.post(*self.message(outcome, reference, **more))

    def message(self, outcome: str = "passed", reference: str = "s1", **more: str) -> tuple[dict[str, str], bytes]:
        about = {"session": reference, "outcome": outcome, "at": NOW.isoformat(), "event": "e1", **more}
        return signed_message(about, self.made.now)

    def outcomes(self) -> list[CheckOutcome]:
        store = self.made.parts.store
        return [one.outcome for one in store.evidence_of("anna")]


@pytest.fixture
def door(made: Desk, server: FakeIdentityProvider) -> Iterator[Door]:
    door = Door(made, server)
    server.set("s1", "pending", NOW - timedelta(hours=1))
    made.desk.open_session("anna", "idp", "s1", JAN)
    door.thread.start()
    yield door
    door.thread.stop()


def test_a_signed_message_is_kept_and_the_answer_says_nothing_of_the_customer(door: Door) -> None:
    assert door.told("passed", document_type="passport") == 200
    assert door.outcomes() == [CheckOutcome.PENDING, CheckOutcome.PASSED]
    assert door.made.desk.vetting_of("anna").state is VettingState.VETTED
    assert json.loads(door.answer) == {"message": "OK"}


def test_a_message_that_comes_again_or_out_of_order_changes_nothing(door: Door) -> None:
    message = door.message("passed")
    asked = len(door.server.requests)
    for _ in range(3):
        assert door.post(*message) == 200
    assert door.told("pending", at=(NOW - timedelta(minutes=5)).isoformat()) == 200
    assert door.outcomes()[-1] is CheckOutcome.PASSED
    assert len(door.outcomes()) == 3
    assert len(door.server.requests) == asked


def test_a_message_that_only_says_that_there_is_something_asks_once_however_often_it_is_replayed(door: Door) -> None:
    door.server.set("s1", "passed", NOW)
    asked = len(door.server.requests)
    message = door.message("odd")
    for _ in range(5):
        assert door.post(*message) == 200
    assert len(door.server.requests) == asked + 1
    assert door.outcomes()[-1] is CheckOutcome.PASSED


def test_what_is_not_the_providers_is_refused_alike(door: Door) -> None:
    headers, body = door.message()
    signature = headers[SIGNATURE]
    old = door.message()
    door.made.now = NOW + timedelta(minutes=10)
    wrong = [
        door.post({}, body),
        door.post({SIGNATURE: signature[:-1] + ("0" if signature[-1] != "0" else "1")}, body),
        door.post(headers, body + b" "),
        door.post(*old),
        door.post(headers, body, name="nobody"),
    ]
    assert set(wrong) == {401}
    assert json.loads(door.answer) == {"message": "Unauthorized"}
    assert door.outcomes() == [CheckOutcome.PENDING]


def test_what_is_too_long_is_refused(door: Door) -> None:
    assert door.post({}, b"x" * (1 << 20)) == 413


def test_what_is_the_providers_and_says_nothing_that_is_known_is_not_sent_for_days(door: Door) -> None:
    assert door.told(reference="nobody-opened-this") == 200
    assert door.post(*signed_message({"hello": "world"}, door.made.now)) == 200
    assert door.told(at=(NOW + timedelta(days=1)).isoformat()) == 200  # of the future
    assert door.outcomes() == [CheckOutcome.PENDING]


def test_wrong_messages_are_told_once_a_minute_with_their_number(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(20):
        door.post({}, b"{}")
    assert [record.getMessage()[:36] for record in caplog.records] == ["1 messages to /identity were refused"]
    door.seconds += 61
    door.post({}, b"{}")
    assert caplog.records[-1].getMessage().startswith("20 messages to /identity were refused, the last one: ")


def test_without_a_register_a_provider_comes_again_later(door: Door) -> None:
    door.there = False
    assert door.told() == 503


def test_a_provider_that_hangs_when_it_is_asked_back_holds_up_no_other_message(door: Door) -> None:
    """Two are worked on at once: the third waits, and the server goes on answering others."""
    door.server.script = [HANGS, HANGS]
    hanging = [threading.Thread(target=door.told, args=("odd",), kwargs={"event": f"e{n}"}) for n in range(2)]
    for thread in hanging:
        thread.start()
    for thread in hanging:
        thread.join(120)
        assert not thread.is_alive()
    assert door.told("passed", event="e9") == 200
