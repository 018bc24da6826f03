"""Notices by HTTP, over real sockets."""

import gzip
import hashlib
import http.client
import json
import os
import re
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from goodhoster.adapters.key_records.memory import MemoryKeyRecords
from goodhoster.adapters.stores.memory import MemoryNoticeStore
from goodhoster.errors import PassingError
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem, NoticeState, Receipt
from goodhoster.model.notices import NoticeFormat, Notifier, NotifierCaps, NotifierKind, RawNotice, ReadItem, ReadNotice
from goodhoster.notices.reading.reader import read
from goodhoster.notices.sender.dkim_evaluation import TrustContext
from goodhoster.notices.sender.trust import Trust
from goodhoster.notices.spool import Arrived, Spool
from goodhoster.testing.seen_mails import MemorySeenMails
from goodhoster_agent.doors import notices as notice_door
from goodhoster_agent.doors.client_address import ClientAddresses
from goodhoster_agent.doors.http_server import HttpThread
from goodhoster_agent.doors.notices import NoticeCounter, NoticeDoor
from goodhoster_agent.doors.rate_limit import RateLimit
from goodhoster_agent.intake.storing import NoticeStorage

TOKEN = "made-up-token-of-the-hotline"
HOTLINE = Notifier(
    "hotline",
    "Hotline",
    NotifierKind.HOTLINE,
    (),
    86400.0,
    automatic=True,
    caps=NotifierCaps(1, 1),
    token_sha256=hashlib.sha256(TOKEN.encode()).digest(),
)
CLIENT = Path(__file__).parents[3] / "formats" / "scart-client.php"
FORM = {"urls": "http://anna.example/p.jpg", "reason": "It shows abuse.", "good_faith": "true", "language": "nl"}


class Reader:
    def read(self, raw: RawNotice) -> ReadNotice:
        return read(raw)


class Door:
    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder / "spool", lambda: datetime.now(UTC))
        self.store = MemoryNoticeStore()
        self.full, self.room = False, True
        self.seconds, self.pace = 0.0, 10.0
        trust = Trust(TrustContext([HOTLINE], MemoryKeyRecords({}), MemorySeenMails()))
        counter = NoticeCounter(NoticeStorage(self.keep, lambda: None), Reader(), trust, self.store, lambda: self.room)
        self.thread = HttpThread(
            NoticeDoor(counter, RateLimit(lambda: self.seconds), ClientAddresses("X-Forwarded-For").of).app,
            ("127.0.0.1", 0),
        )

    def keep(self, raw: RawNotice, arrived: Arrived) -> Receipt:
        if self.full:
            raise PassingError("no room")
        self.seconds += self.pace
        return self.spool.keep(raw, arrived)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.thread.port, timeout=60)) as connection:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, response.read().decode()

    def post(self, path: str, body: bytes, token: str = "") -> tuple[int, Any]:
        status, text = self.ask("POST", path, body, **({"Authorization": f"Bearer {token}"} if token else {}))
        return status, json.loads(text)

    def kept(self) -> list[Receipt]:
        return list(self.spool.waiting())


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path)
    door.thread.start()
    yield door
    door.thread.stop()


def scart(urls: str = "http://anna.example/a.jpg\nhttp://anna.example/b.jpg", ip: str = "192.0.2.1") -> bytes:
    return urlencode({"ip": ip, "urls": urls}).encode()


def test_the_hotlines_request_is_kept_as_it_came_and_its_success_has_no_message(door: Door) -> None:
    status, answer = door.post("/api/v1/reports", scart(), TOKEN)
    (receipt,) = door.kept()
    assert (status, answer) == (201, {"data": {"id": receipt.id}})
    assert receipt.notifier == "hotline"
    assert door.spool.raw(receipt).content == scart()


@pytest.mark.parametrize(
    ("body", "token", "field"),
    [
        (scart(), "", "authorization"),
        (scart(), "another-token-that-is-wrong", "authorization"),
        (scart(urls=""), TOKEN, "urls"),
        (b"\xff\xfe", TOKEN, None),
        (b"", TOKEN, None),
        (b"x" * (33 << 20), TOKEN, "body"),
    ],
    ids=["no-token", "wrong-token", "no-urls", "no-form", "empty", "too-large"],
)
def test_what_is_wrong_has_a_message_whatever_the_client_thinks_of_status_codes(
    door: Door, body: bytes, token: str, field: str | None
) -> None:
    status, answer = door.post("/api/v1/reports", body, token)
    assert status >= 400
    assert answer["message"]
    assert field is None or field in answer["errors"]
    assert "data" not in answer
    assert door.kept() == []


def test_a_body_that_is_not_what_its_headers_say_has_a_message_and_leaves_no_trace(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    status, text = door.ask("POST", "/api/v1/notices", b"not gzip", Content_Encoding="gzip")
    assert (status, bool(json.loads(text)["message"])) == (400, True)
    status, _ = door.ask("POST", "/api/v1/notices", b"x", X_Long="x" * 9000)
    assert status == 400
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("path", ["/api/v1/reports", "/notice"])
def test_who_hangs_up_in_the_middle_leaves_no_trace(door: Door, caplog: pytest.LogCaptureFixture, path: str) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", door.thread.port)) as peer:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n"
            peer.sendall(head.encode() + b"abc")
            time.sleep(0.1)  # it is being read by then
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert door.post("/api/v1/reports", scart(), TOKEN)[0] == 201
    assert "Traceback" not in caplog.text


def test_a_fault_of_ours_has_a_message_too(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.pace = None  # type: ignore[assignment]
    status, answer = door.post("/api/v1/reports", scart(), TOKEN)
    assert (status, "data" in answer, bool(answer["message"])) == (500, False, True)
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/reports"), ("POST", "/api/v2/reports")])
def test_a_wrong_address_or_method_has_a_message_too(door: Door, method: str, path: str) -> None:
    status, text = door.ask(method, path)
    assert status >= 400
    assert json.loads(text)["message"]


def test_while_the_disk_refuses_nobody_is_told_that_it_was_received(door: Door) -> None:
    door.full = True
    status, answer = door.post("/api/v1/reports", scart(), TOKEN)
    assert (status, "message" in answer, "data" in answer) == (503, True, False)


def test_a_web_form_without_a_name_gives_a_number_and_a_status_address(door: Door) -> None:
    status, page = door.ask("GET", "/notice", Accept_Language="nl-NL,nl")
    assert status == 200
    assert 'lang="nl"' in page
    assert "<script" not in page
    status, page = door.ask("POST", "/notice", urlencode(FORM).encode(), Accept_Language="nl")
    (receipt,) = door.kept()
    assert (status, receipt.notifier) == (201, "")
    assert receipt.id in page
    path = re.findall(r'href="(/notice/[^"]+)"', page)[0]
    assert door.ask("GET", path)[0] == 404  # not taken into the record yet
    door.store.add(Notice(receipt, NoticeState.NEEDS_PERSON))
    status, page = door.ask("GET", path, Accept_Language="en")
    assert (status, "A member of our staff is looking at it." in page) == (200, True)
    assert "anna.example" not in page
    assert door.ask("GET", f"/notice/{receipt.id}/wrong")[0] == 404


def test_the_language_of_the_form_is_kept_whatever_the_browser_prefers(door: Door) -> None:
    _, page = door.ask("GET", "/notice?lang=nl", Accept_Language="en")
    action = re.findall(r'action="([^"]+)"', page)[0]
    _, page = door.ask("POST", action, urlencode(FORM).encode(), Accept_Language="en")
    assert "Wij hebben uw melding ontvangen" in page
    _, page = door.ask("POST", "/notice", urlencode(FORM).encode(), Accept_Language="en")
    assert "Wij hebben uw melding ontvangen" in page
    _, page = door.ask("POST", action, urlencode(FORM | {"urls": ""}).encode(), Accept_Language="en")
    assert "Wij hebben uw melding ontvangen" in page, "one that could not be read"
    _, page = door.ask("POST", action, b"", Accept_Language="en")
    assert "Dit kon niet worden aangenomen" in page
    receipt = door.kept()[0]
    door.store.add(Notice(receipt, NoticeState.DONE, read(door.spool.raw(receipt))))
    _, page = door.ask("GET", f"/notice/{receipt.id}/{receipt.status_key}", Accept_Language="en")
    assert "De melding is afgehandeld." in page


def test_a_form_that_nobody_can_read_is_kept_for_a_person_and_its_sender_is_told_why(door: Door) -> None:
    status, page = door.ask("POST", "/notice", urlencode(FORM | {"urls": ""}).encode())
    (receipt,) = door.kept()
    assert (status, "urls" in page, receipt.id in page) == (202, True, True)
    assert b"It+shows+abuse" in door.spool.raw(receipt).content


def test_json_of_anybody_is_taken_with_a_receipt(door: Door) -> None:
    body = json.dumps({"urls": ["http://anna.example/p.jpg"], "reason": "abuse", "good_faith": True}).encode()
    status, answer = door.post("/api/v1/notices", body)
    assert (status, answer["data"]["id"]) == (201, door.kept()[0].id)
    assert "unreadable" not in answer["data"]


@pytest.mark.parametrize("path", ["/api/v1/notices", "/api/v1/xarf"])
def test_what_nobody_can_read_is_kept_for_a_person_and_its_sender_is_told(door: Door, path: str) -> None:
    status, answer = door.post(path, b"{")
    (receipt,) = door.kept()
    assert (status, answer["data"]["id"]) == (202, receipt.id)
    assert answer["data"]["unreadable"]
    assert "message" not in answer
    assert door.post(path, b" ")[0] == 422
    assert len(door.kept()) == 1


def test_a_proven_report_that_nobody_can_read_is_kept(door: Door) -> None:
    assert door.post("/api/v1/xarf", b"{}", TOKEN)[0] == 201


def test_a_flood_of_a_stranger_is_taken_to_the_last_and_told_that_it_waits(door: Door) -> None:
    form = urlencode(FORM).encode()
    door.pace = 0.0
    answers = [door.ask("POST", "/notice", form, X_Forwarded_For="1.2.3.4, 10.0.0.1")[0] for _ in range(40)]
    assert answers == [201] + [202] * 39
    assert len(door.kept()) == 40
    assert door.ask("POST", "/notice", form, X_Forwarded_For="10.0.0.2")[0] == 201
    bearer = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "10.0.0.1"}
    assert {door.ask("POST", "/api/v1/reports", scart(), **bearer)[0] for _ in range(20)} == {201}


def test_on_a_disk_that_is_nearly_full_strangers_are_refused_and_registered_notifiers_are_not(door: Door) -> None:
    door.room = False
    status, answer = door.post("/api/v1/notices", json.dumps(FORM).encode())
    assert (status, "disk" in answer["errors"], door.kept()) == (503, True, [])
    assert door.post("/api/v1/reports", scart(), TOKEN)[0] == 201


@pytest.mark.debian("php-cli", program="php")
@pytest.mark.debian("php-curl", program="php")
@pytest.mark.parametrize(
    ("token", "urls", "expected"),
    [
        (TOKEN, ["http://anna.example/p.jpg?a=1&b=2", "http://anna.example/ü.jpg"], "success"),
        ("wrong-token-wrong-token", ["http://anna.example/p.jpg"], "error"),
        (TOKEN, [], "error"),
    ],
)
def test_the_hotlines_php_client_works_unchanged(door: Door, token: str, urls: list[str], expected: str) -> None:
    address = f"http://127.0.0.1:{door.thread.port}/api/v1/reports"
    done = subprocess.run(
        ["php", CLIENT, address, token, "192.0.2.1", *urls], capture_output=True, text=True, timeout=120, check=True
    )
    answer = json.loads(done.stdout)
    assert answer["result"] == expected, done.stdout
    kept = [door.spool.raw(receipt) for receipt in door.kept()]
    assert [[item.urls[0] for item in read(raw).items] for raw in kept] == ([urls] if expected == "success" else [])


def report(**more: object) -> bytes:
    made_up = json.loads((CLIENT.parent / "notices" / "version-4.xarf-json").read_text())
    return json.dumps(made_up | more).encode()


def test_a_request_that_is_sent_again_with_its_key_is_kept_once_and_answered_alike(door: Door) -> None:
    def post(body: bytes, key: str, **more: str) -> tuple[int, Any]:
        status, text = door.ask("POST", "/api/v1/xarf", body, Idempotency_Key=key, **more)
        return status, json.loads(text)

    token = {"Authorization": f"Bearer {TOKEN}"}
    first, again = post(report(), "k1", **token), post(report(), "k1", **token)
    assert first == again
    assert len(door.kept()) == 1
    assert post(report(description="another"), "k1", **token)[0] == 422
    assert post(report(), "k2", **token)[1]["data"]["id"] != first[1]["data"]["id"]
    stranger = post(report(), "k1")
    assert stranger[1]["data"]["id"] != first[1]["data"]["id"], "his key is not the hotline's"
    assert len(door.kept()) == 3


def test_a_correlation_id_comes_back_with_the_answer(door: Door) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", door.thread.port, timeout=60)) as connection:
        connection.request("POST", "/api/v1/xarf", report(), {"X-Correlation-ID": "abc-1", "X-Request-ID": 'a"b<c>'})
        response = connection.getresponse()
        response.read()
        assert response.headers["X-Correlation-ID"] == "abc-1"
        assert "X-Request-ID" not in response.headers, "what could break out of it does not"


@pytest.mark.parametrize("mark", [{"test": True}, {"tags": ["xarf:test"]}, {"tags": ["test"]}])
def test_what_is_marked_as_a_test_is_answered_as_one(door: Door, mark: dict[str, object]) -> None:
    status, answer = door.post("/api/v1/xarf", report(**mark), TOKEN)
    assert (status, answer["data"]["test"]) == (201, True)


def test_a_program_reads_a_code_for_each_url(door: Door) -> None:
    _, answer = door.post("/api/v1/xarf", report(), TOKEN)
    (receipt,) = door.kept()
    states = [ItemState.INACCESSIBLE, ItemState.NOT_OURS, ItemState.GONE, ItemState.DISPUTED, ItemState.HELD]
    items = tuple(
        NoticeItem(ReadItem((f"http://a.example/{n}",)), f"http://a.example/{n}", s) for n, s in enumerate(states)
    )
    path = "/api/v1/notices/" + answer["data"]["status"].removeprefix("/notice/")
    nothing = Notice(receipt, NoticeState.NEEDS_PERSON, ReadNotice(NoticeFormat.UNREADABLE))
    door.store.add(nothing)
    assert json.loads(door.ask("GET", path)[1])["data"]["code"] == "need-more"
    door.store.replace(replace(nothing, items=items), expected=NoticeState.NEEDS_PERSON)
    told = json.loads(door.ask("GET", path)[1])["data"]
    assert [item["code"] for item in told["items"]] == [
        "acted",
        "not-ours",
        "already-gone",
        "reviewed-not-acted",
        "pending",
    ]
    assert door.ask("GET", path[:-1])[0] == 404


HALF = b"POST /api/v1/notices HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_half_requests_shut_it_for_nobody_else(door: Door, address: str, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as stack:
        for _ in range(400):
            half = stack.enter_context(
                socket.create_connection(("127.0.0.1", door.thread.port), source_address=(address, 0))
            )
            half.sendall(HALF)
        status, _ = door.post("/api/v1/reports", scart(), TOKEN)
        assert status == 201
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_a_body_that_does_not_come_is_waited_for_no_longer(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_door, "_PIECE_WITHIN", 0.1)
    with socket.create_connection(("127.0.0.1", door.thread.port)) as half:
        half.sendall(HALF)
        assert half.recv(100).startswith(b"HTTP/1.1 408")


def test_idle_connections_shut_it_for_nobody_else(door: Door) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with ExitStack() as stack:
        address = ("127.0.0.1", door.thread.port)
        for _ in range(600):
            stack.enter_context(socket.create_connection(address, source_address=("127.0.0.2", 0)))
        began = time.monotonic()
        status, _ = door.post("/api/v1/reports", scart(), TOKEN)
        assert (status, time.monotonic() - began < 25) == (201, True)
        descriptors = len(os.listdir("/proc/self/fd")) - before - 600
        assert descriptors <= 256 + 10, "its own are bounded: those of checking are never taken"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("path", ["/api/v1/reports", "/api/v1/notices", "/api/v1/xarf", "/notice"])
def test_a_body_that_is_not_encoded_as_it_says_is_no_fault_of_ours(door: Door, encoding: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Encoding": encoding}
    status, answer = door.ask("POST", path, scart(), **headers)
    assert status in {400, 415}, answer
    assert "message" in answer or not path.startswith("/api/")
    assert door.kept() == []


def test_a_packed_body_is_kept_unpacked(door: Door) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Encoding": "gzip"}
    status, _ = door.ask("POST", "/api/v1/reports", gzip.compress(scart()), **headers)
    (receipt,) = door.kept()
    assert (status, door.spool.raw(receipt).content) == (201, scart())
