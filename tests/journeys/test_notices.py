"""Notices from the mail to the file, by the command line and by the daemon; looked at from outside only."""

import json

import pytest

from tests.journeys.host import Host
from tests.journeys.noticehost import NoticeHost


@pytest.fixture
def noticed(host: Host) -> NoticeHost:
    noticed = NoticeHost(host)
    noticed.configure()
    return noticed


def test_a_signed_notice_of_the_hotline_is_acted_on_and_can_be_looked_up(noticed: NoticeHost) -> None:
    urls = [noticed.upload("anna", "p.jpg"), noticed.upload("bert", "q.jpg")]
    keep = noticed.upload("anna", "other.jpg")
    notice = noticed.receive(noticed.mail(*urls, "http://elsewhere.invalid/x.jpg"))
    assert (notice["notifier"], notice["level"], notice["format"]) == ("hotline", "pinned", "scart-table")
    assert (notice["reference"], notice["state"]) == ("M0000000001", "done")
    assert [item["state"] for item in notice["items"]] == ["inaccessible", "inaccessible", "not-ours"]
    assert [item["customer"] for item in notice["items"]] == ["anna", "bert", None]
    assert [noticed.there(url) for url in (*urls, keep)] == [False, False, True]
    assert json.loads(noticed.host.run("notices", "show", notice["id"], "--json")) == notice
    assert noticed.notices() == [notice]
    answer = json.loads(noticed.host.run("notices", "answer", notice["id"], "--json", "--show"))
    assert answer["to"] == "answers@hotline.example"
    assert answer["subject"].startswith("[M0000000001] ")
    assert "http://" not in answer["text"]
    assert noticed.host.status()["open_notices"] == 0


def test_a_forged_notice_touches_nothing_and_waits_for_a_person(noticed: NoticeHost) -> None:
    url = noticed.upload("anna", "p.jpg")
    notice = noticed.receive(noticed.mail(url, signed=False))
    assert (notice["notifier"], notice["level"], notice["state"]) == (None, "unauthenticated", "needs-person")
    assert [item["state"] for item in notice["items"]] == ["held"]
    assert noticed.there(url)
    assert noticed.host.status()["open_notices"] == 1
    noticed.host.run("notices", "confirm", notice["id"], "--reason", "telephoned the hotline")
    assert not noticed.there(url)


def test_in_mode_observe_a_notice_is_recorded_only(noticed: NoticeHost) -> None:
    noticed.host.configure(mode="observe")
    url = noticed.upload("anna", "p.jpg")
    notice = noticed.receive(noticed.mail(url))
    assert [item["state"] for item in notice["items"]] == ["observed"]
    assert noticed.there(url)


def test_what_nobody_can_read_is_kept_for_a_person(noticed: NoticeHost) -> None:
    notice = noticed.receive(b"\x00\xff" * 1000)
    assert (notice["state"], notice["items"]) == ("needs-person", [])
    assert [n["id"] for n in noticed.notices()] == [notice["id"]]
