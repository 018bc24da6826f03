"""A CDN in front of a site of ours: the notice names its address. The file goes offline; we say where else to ask, and
for what is not ours at all, too.
"""

import json

import pytest

from tests.journeys.host import Host
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
