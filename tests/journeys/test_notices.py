"""Notices from the mail to the file, by the command line and by the daemon; looked at from outside only."""

import http.client
import json
import smtplib
import subprocess
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from goodhoster.model.notices import Carrier, RawNotice
from goodhoster.notices.spool import Arrived, Spool
from goodhoster.testing.pictures import made_up_picture
from tests.conftest import RoundCount
from tests.journeys.host import GOODHOSTER, PATIENCE, Host, wait_until
from tests.journeys.noticehost import TOKEN, NoticeHost
from tests.ports import free_port


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
    assert [item["code"] for item in notice["items"]] == ["acted", "acted", "not-ours"]
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
    assert "say why" in noticed.host.run("notices", "confirm", notice["id"], code=2)
    assert "say why" in noticed.host.run("notices", "dismiss", notice["id"], code=2)
    closed = json.loads(noticed.host.run("notices", "dismiss", notice["id"], "--preview", "--json"))
    assert (closed["effect"], closed["case"]) == ("close", notice["items"][0]["cases"][0])
    preview = json.loads(noticed.host.run("notices", "confirm", notice["id"], "--preview", "--json"))
    path = f"{noticed.host.customers}/anna/www/p.jpg"
    assert (preview["effect"], preview["customer"], preview["path"]) == ("take", "anna", path)
    assert noticed.there(url)
    noticed.host.run("notices", "confirm", notice["id"], "--reason", "telephoned the hotline")
    assert not noticed.there(url)


def test_in_mode_observe_a_notice_is_recorded_only(noticed: NoticeHost) -> None:
    noticed.host.configure(mode="observe")
    url = noticed.upload("anna", "p.jpg")
    notice = noticed.receive(noticed.mail(url))
    assert [(item["state"], item["code"]) for item in notice["items"]] == [("observed", "pending")]
    assert noticed.there(url)
    assert "the mode is observe" in noticed.host.run("notices", "answer", notice["id"], code=2)
    assert "is nog niet afgerond" in noticed.host.run("notices", "answer", notice["id"], "--preview")
    assert noticed.letters() == {}


def test_what_nobody_can_read_is_kept_for_a_person(noticed: NoticeHost) -> None:
    notice = noticed.receive(b"\x00\xff" * 1000)
    assert (notice["state"], notice["code"], notice["items"]) == ("needs-person", "need-more", [])
    assert [n["id"] for n in noticed.notices()] == [notice["id"]]


def test_the_daemon_takes_mail_by_lmtp_and_the_hotlines_requests(noticed: NoticeHost) -> None:
    noticed.configure(f'lmtp = "unix:{noticed.host.folder}/lmtp.sock"\nlisten = "127.0.0.1:{(port := free_port())}"')
    urls = [noticed.upload("anna", f"{n}.jpg") for n in range(3)]
    forged = noticed.upload("bert", "forged.jpg")
    noticed.host.start()
    with smtplib.LMTP(str(noticed.host.folder / "lmtp.sock")) as client:
        client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], noticed.mail(urls[0], urls[1]))
        client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], noticed.mail(forged, signed=False))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    body = urlencode({"ip": "192.0.2.1", "urls": urls[2]})
    connection.request("POST", "/api/v1/reports", body, {"Authorization": f"Bearer {TOKEN}"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert wait_until(lambda: not any(map(noticed.there, urls)))
    notices = noticed.settled({"done": 2, "needs-person": 1})
    assert noticed.there(forged)
    assert answer["data"]["id"] in [notice["id"] for notice in notices if notice["state"] == "done"]
    assert noticed.host.status()["open_notices"] == 1
    noticed.host.stop()


def test_the_hotlines_list_is_compared_both_ways(noticed: NoticeHost) -> None:
    gone, held = noticed.upload("anna", "gone.jpg"), noticed.upload("bert", "held.jpg")
    noticed.receive(noticed.mail(gone))
    noticed.receive(noticed.mail(held, signed=False))
    theirs = noticed.host.folder / "hotline.csv"
    theirs.write_text(f"url;kenmerk;status\n{gone};[M0000000001];open\nhttp://cas.example/lost.jpg;[M7];open\n")
    printed = noticed.host.run("notices", "reconcile", str(theirs), "--json", code=1)
    found = list(map(json.loads, printed.splitlines()))
    assert [(f["gap"], f["url"]) for f in found] == [
        ("open-there-gone-here", gone),
        ("never-received", "http://cas.example/lost.jpg"),
        ("not-on-their-list", held),
    ]
    theirs.write_text(f"url,status\n{gone},closed\n")
    assert noticed.host.run("notices", "reconcile", str(theirs), "--notifier", "hotline") == "1 agreed, 0 gaps\n"
    theirs.write_text("a,b\n1,2\n")
    assert "no column with URLs" in noticed.host.run("notices", "reconcile", str(theirs), code=2)


def test_an_odd_line_of_the_web_server_holds_its_own_host_and_degrades_the_status(noticed: NoticeHost) -> None:
    folder = noticed.host.folder
    noticed.configure(
        f'lmtp = "unix:{folder}/lmtp.sock"',
        f'[[directory]]\nkind = "nginx"\nconfig = "{folder}/nginx.conf"\n{noticed.page_to("pages")}',
    )
    sites = f"{noticed.host.customers}/anna/www"
    (folder / "nginx.conf").write_text(
        "events {}\nhttp {\n"
        f"server {{ server_name odd.example; root {sites}; frobnicate on; }}\n"
        f"server {{ server_name fine.example; root {sites}; }}\n}}\n"
    )
    noticed.upload("anna", "p.jpg")
    noticed.upload("anna", "q.jpg")
    noticed.host.start()
    assert wait_until(lambda: any("frobnicate" in problem for problem in noticed.host.status()["degraded"]))
    with smtplib.LMTP(f"{folder}/lmtp.sock") as client:
        for url in ("http://odd.example/p.jpg", "http://fine.example/q.jpg"):
            client.sendmail("b@hotline.example", ["abuse@hoster.example"], noticed.mail(url))
    assert wait_until(lambda: sorted(n["state"] for n in noticed.notices()) == ["done", "needs-person"])
    assert (noticed.host.customers / "anna/www/p.jpg").exists()
    assert not (noticed.host.customers / "anna/www/q.jpg").exists()
    assert wait_until(lambda: any("configuration cannot be followed" in page for page in noticed.paged("pages")))


def test_a_hundred_notices_of_one_picture_at_three_customers_in_five_sizes(
    noticed: NoticeHost, rounds: RoundCount
) -> None:
    noticed.configure(f'lmtp = "unix:{noticed.host.folder}/lmtp.sock"')
    count, sizes = (
        rounds(20, 100),
        ("p.jpg", *(f"p-{size}.jpg" for size in ("150x150", "300x200", "768x512", "scaled"))),
    )
    shown = [noticed.upload(customer, name, f"size {name}") for customer in ("anna", "bert", "cas") for name in sizes]
    noticed.host.start()
    noticed.host.settled({"clear": len(shown)})
    with smtplib.LMTP(str(noticed.host.folder / "lmtp.sock")) as client:
        for number in range(count):
            client.sendmail("b@hotline.example", ["abuse@hoster.example"], noticed.mail(shown[number % len(shown)]))
    assert wait_until(lambda: len(results(noticed)) == count)
    assert not any(map(noticed.there, shown))
    noticed.settled({"done": count})
    noticed.host.stop()
    cases = noticed.host.cases()
    assert {case["state"] for case in cases} == {"offline"}, "what waited by its name was named itself"
    measures = Counter(case["customer"] for case in cases for _ in case["measures"])
    assert measures == {"anna": 5, "bert": 5, "cas": 5}


def results(noticed: NoticeHost) -> list[str]:
    """The answers that wait for a mail server."""
    return [file.stem for file in (noticed.host.folder / "state/letters/waiting").glob("[!.]*-result.json")]


def test_who_shows_a_token_comes_first_then_mails_and_then_strangers_each_at_its_pace(noticed: NoticeHost) -> None:
    state = noticed.host.folder / "state"
    state.mkdir(mode=0o700)
    spool = Spool(state / "notices", lambda: datetime.now(UTC))

    def form(name: str) -> RawNotice:
        fields = {"urls": noticed.upload("cas", name), "reason": "abuse", "good_faith": "true"}
        return RawNotice(Carrier.DSA_FORM, urlencode(fields).encode())

    flood = [spool.keep(form(f"{n}.jpg"), Arrived("203.0.113.5")).id for n in range(3)]
    other = spool.keep(form("other.jpg"), Arrived("203.0.113.6")).id
    mails = [spool.keep(RawNotice(Carrier.MAIL, noticed.mail(noticed.upload("bert", f"{n}.jpg")))).id for n in range(3)]
    body = urlencode({"ip": "192.0.2.1", "urls": noticed.upload("anna", "p.jpg")}).encode()
    first = spool.keep(RawNotice(Carrier.SCART_API, body), Arrived("192.0.2.9", "hotline")).id
    noticed.host.start()
    assert wait_until(lambda: len(noticed.notices()) == 8)
    noticed.host.stop()
    taken = [entry["notice"] for entry in noticed.host.audit("notice.received")]
    assert taken == [first, *mails, flood[0], other, flood[1], flood[2]]


def test_a_notice_of_the_public_is_handed_on_to_the_hotline(noticed: NoticeHost) -> None:
    notice = noticed.receive(noticed.mail(noticed.upload("anna", "p.jpg"), signed=False))
    assert "[notices] hotline" in noticed.host.run("notices", "forward", notice["id"], code=2)
    noticed.configure('hotline = "meldpunt@hotline.example"')
    letter = json.loads(noticed.host.run("notices", "forward", notice["id"], "--json"))
    assert letter["to"] == "meldpunt@hotline.example"
    assert "hxxp://anna[.]example/p[.]jpg" in letter["text"]


def test_show_tells_who_wrote_what_and_every_file_and_copy_without_obeying_it(noticed: NoticeHost) -> None:
    picture = "the same made-up picture"
    urls = [noticed.upload(customer, "p.jpg", picture) for customer in ("anna", "bert", "cas")]
    raw = noticed.mail(urls[0], signed=False).replace(b"] Melding", b"] Melding =?utf-8?q?=1B[2J?=")
    raw = raw.replace(b"text/plain", b"text/html").replace(b"<table", b"see \x1b[31mhttp://x.example/<table", 1)
    notice = noticed.receive(raw)
    assert (notice["proof"], notice["from"]) == ("unproven", "desk@hotline.example")
    (item,) = notice["items"]
    page = noticed.host.run("notices", "show", notice["id"])
    rows = [(line[:10].strip(), line[11:]) for line in page.splitlines()]
    assert ("proof", "unproven") in rows
    assert ("from", "Hotline <desk@hotline.example>") in rows
    assert any(name == "subject" and "[M0000000001] Melding" in value for name, value in rows)
    assert any(name == "text" and "\\x1b[31mhxxp://x.example/" in value for name, value in rows)
    assert "\x1b" not in page
    assert "http://" not in page
    assert ("path", f"{noticed.host.customers}/anna/www/p.jpg") in rows
    for case_id in (*item["cases"], *item["copies_held"]):
        assert any(value.startswith(case_id) for _, value in rows)
    command = [*GOODHOSTER, "notices", "show", notice["id"], "--raw", "--config", str(noticed.host.config)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == raw


def test_copies_that_come_to_be_known_later_are_held_wherever_they_lie(noticed: NoticeHost) -> None:
    host, picture = noticed.host, made_up_picture(1)
    url = noticed.upload("anna", "p.jpg")
    for name in ("anna/www/p.jpg", "bert/www/before.jpg"):
        host.upload(name, picture)
    notice = noticed.receive(noticed.mail(url))
    assert not noticed.there(url)
    assert "the first comparison of" in notice["index_gap"]
    assert "copies" in host.run("notices", "show", notice["id"])
    host.start()
    assert wait_until(lambda: [c["customer"] for c in host.cases() if c["state"] == "held"] == ["bert"]), host.cases()
    after = host.upload("cas/www/after.jpg", picture)
    own = host.upload("anna/www/own.jpg", picture)
    page = host.upload("cas/www/after.html", picture)
    held = {"bert", "cas", "anna"}
    assert wait_until(lambda: {c["customer"] for c in host.cases() if c["state"] == "held"} == held), host.cases()
    host.settled()
    assert all(path.exists() for path in (after, own, page))
    assert not any(case["path"] == str(page) for case in host.cases())
    assert all("the same bytes" in case["reason"] for case in host.cases() if case["state"] == "held")
    (later,) = (case for case in host.cases() if case["customer"] == "cas")
    host.run("cases", "confirm", later["id"], "--reason", "the same picture")
    assert not after.exists()
    host.stop()
