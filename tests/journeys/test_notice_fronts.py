"""A CDN in front of a site of ours: the notice names its address. The file goes offline; we say where else to ask, and
for what is not ours at all, too.
"""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.journeys.host import Host, wait_until
from tests.journeys.noticehost import NoticeHost

FRONT = "203.0.113.7"


@pytest.mark.parametrize(("language", "says"), [("nl", "dat niet van ons is"), ("en", "which is not ours")])
def test_what_stands_in_front_is_told_to_us_and_to_the_notifier(host: Host, language: str, says: str) -> None:
    noticed = NoticeHost(host)
    noticed.configure('own_networks = ["127.0.0.0/8"]\nnetwork_owners = "networks.csv"')
    (host.folder / "networks.csv").write_text("prefix,owner,contact\n203.0.113.0/24,Example CDN,abuse@cdn.example\n")
    profile = host.folder / "conf.d" / "notices.toml"
    profile.write_text(profile.read_text().replace('language = "nl"', f'language = "{language}"'))
    behind, direct = noticed.upload("anna", "behind.jpg"), noticed.upload("bert", "direct.jpg")
    rows = "".join(
        f"<tr><td>{url}</td><td>{ip}</td><td></td><td></td><td></td></tr>\r\n"
        for url, ip in ((behind, FRONT), (direct, "127.0.0.1"), ("http://elsewhere.example/x.jpg", FRONT))
    )
    heads = "".join(f"<th>{name}</th>" for name in ("url", "IP", "first seen", "last seen", "note"))
    mail = noticed.mail(signed=False).partition(b"<table")[0]
    mail += f'<table class="urls"><tr>{heads}</tr>\r\n{rows}</table>\r\n'.encode()
    notice = noticed.receive(noticed.signer.sign(mail))
    assert [noticed.there(url) for url in (behind, direct)] == [False, False]
    assert [item["front"] for item in notice["items"]] == [FRONT, None, None]
    assert f"in front   {FRONT}: not ours, purge it there, too" in host.run("notices", "show", notice["id"])
    text = json.loads(host.run("notices", "answer", notice["id"], "--json", "--show"))["text"]
    lines = [line for line in text.splitlines() if "[.]jpg" in line]
    assert [says in line for line in lines] == [True, False, False]
    assert ["Example CDN, abuse@cdn.example" in line for line in lines] == [True, False, True]
    assert "203[.]0[.]113[.]7" in lines[0]


def test_a_cdn_is_purged_by_the_daemon_and_only_what_it_did_is_said(host: Host) -> None:
    noticed = NoticeHost(host)
    hook = host.folder / "purge"
    hook.write_text(f'#!/bin/sh\necho "$1" >> {host.folder}/purged\ntest ! -e {host.folder}/away\n')
    hook.chmod(0o755)
    noticed.configure(more=f'[[purge]]\nname = "cdn"\nhosts = ["anna.example"]\ncommand = ["{hook}"]\n')
    (host.folder / "away").touch()
    url = noticed.upload("anna", "p.jpg")
    host.start()
    notice_id = noticed.receive(noticed.mail(url, noticed.upload("bert", "q.jpg")))["id"]
    assert not noticed.there(url)

    def purges() -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(host.run("notices", "show", notice_id, "--json"))["purges"]
        return found

    assert wait_until(lambda: [purge["tries"] for purge in purges()] == [1]), purges()
    assert "cdn: " in host.run("notices", "show", notice_id)
    assert "NOT purged" in host.run("notices", "show", notice_id)
    assert wait_until(lambda: any("purges of caches" in line for line in host.status()["degraded"]))
    assert host.audit("purge.done") == []
    host.stop()
    with closing(sqlite3.connect(host.folder / "state/purges.sqlite")) as queue, queue:
        queue.execute("UPDATE purges SET due = '2000-01-01T00:00:00.000000+00:00'")  # an hour later
    (host.folder / "away").unlink()
    host.start()
    assert wait_until(lambda: [purge["state"] for purge in purges()] == ["purged"]), purges()
    case = json.loads(host.run("cases", "list", "--customer", "anna", "--json"))["id"]
    host.run("cases", "restore", case, "--reason", "a cake")
    assert wait_until(lambda: [p["state"] for p in purges()] == ["purged", "purged"]), purges()
    assert json.loads(host.run("cases", "show", case, "--json"))["purges"] == purges()
    tried = (host.folder / "purged").read_text().splitlines()
    assert sorted(tried) == sorted([f"https{url[4:]}"] + [f"https{url[4:]}", url] * 2)
    host.stop()
