"""What customers are told about what a notice took offline (DSA Art. 17), and what is handed on to the hotline."""

from typing import Any

import pytest

from tests.journeys.host import Host
from tests.journeys.noticehost import NoticeHost

CUSTOMERS = ("anna", "bert", "cas")
CONTACTS = {"anna": "anna@mail.example,nl", "bert": "bert@mail.example,en"}


@pytest.fixture
def noticed(host: Host) -> NoticeHost:
    noticed = NoticeHost(host)
    noticed.configure(
        'hotline = "meldpunt@hotline.example"',
        '[smtp]\nhost = "127.0.0.1"\nport = 9\nsender = "abuse@hoster.example"',
    )
    noticed.list_sites(CUSTOMERS, CONTACTS)
    return noticed


def order(noticed: NoticeHost, url: str) -> dict[str, Any]:
    """A confidential removal order, of a sender who cannot be proven."""
    head = "From: desk@authority.example\nSubject: Removal order\nMessage-ID: <o1@authority.example>\n\n"
    return noticed.receive(f"{head}Reference: ATKM-7\nConfidential: yes\n\n{url}\n".encode())


def test_every_customer_gets_a_statement_of_reasons_of_its_own_in_its_language(noticed: NoticeHost) -> None:
    notice = noticed.receive(noticed.mail(*(noticed.upload(customer, "p.jpg") for customer in CUSTOMERS)))
    assert set(notice["sent"]) == {"statement:anna", "statement:bert", "statement:cas-no-contact", "result"}
    letters = noticed.letters()
    nl, en = letters["statement anna@mail.example"], letters["statement bert@mail.example"]
    for said in ("artikel 17", "Wat en hoe lang", "anna/www/p.jpg", "een erkende melder", "artikel 252", "automatisch"):
        assert said in nl["text"], nl["text"]
    for said in (
        "Article 17",
        "What, and for how long",
        "bert/www/p.jpg",
        "a recognised notifier",
        "automatically",
        "Article 21",
    ):
        assert said in en["text"], en["text"]
    assert all("abuse@hoster.example" in letter["text"] for letter in (nl, en)), "where to object"
    assert "bert" not in nl["text"]
    assert "anna" not in en["text"]
    assert "Hotline" not in nl["text"], "who gave notice is not told"


def test_a_customer_without_a_contact_is_told_once_there_is_one(noticed: NoticeHost) -> None:
    notice = noticed.receive(noticed.mail(noticed.upload("cas", "p.jpg")))
    noticed.host.run("notices", "tell", notice["id"], "--reason", "who is it?", code=2)
    noticed.list_sites(CUSTOMERS, {"cas": "cas@mail.example,"})
    noticed.host.run("notices", "tell", notice["id"], "--reason", "found it")
    assert noticed.letters()["statement cas@mail.example"]["subject"].startswith("Material on your site")


def test_a_person_who_decided_is_told_of(noticed: NoticeHost) -> None:
    notice = noticed.receive(noticed.mail(noticed.upload("bert", "p.jpg"), signed=False))
    assert "statement bert@mail.example" not in noticed.letters()
    noticed.host.run("notices", "confirm", notice["id"], "--reason", "telephoned the hotline")
    text = noticed.letters()["statement bert@mail.example"]["text"]
    assert "a member of our staff decided" in text
    assert "somebody told us" in text
    assert "automatically" not in text


def test_a_confidential_order_is_withheld_from_its_customer_until_a_person_says_so(noticed: NoticeHost) -> None:
    notice = order(noticed, url := noticed.upload("anna", "p.jpg"))
    noticed.host.run("notices", "confirm", notice["id"], "--reason", "called the authority back")
    assert not noticed.there(url)
    assert "statement anna@mail.example" not in noticed.letters()
    noticed.host.run("notices", "tell", notice["id"], "--reason", "six weeks are over")
    text = noticed.letters()["statement anna@mail.example"]["text"]
    assert "een autoriteit heeft ons dat bevolen (haar kenmerk: ATKM-7)" in " ".join(text.split())
    assert noticed.host.audit("notice.customers-notified")[0]["reason"] == "six weeks are over"
    assert "nobody is left" in noticed.host.run("notices", "tell", notice["id"], "--reason", "again", code=2)


def test_what_is_handed_on_to_the_hotline_is_in_the_log_and_told_once(noticed: NoticeHost) -> None:
    notice = noticed.receive(noticed.mail(noticed.upload("anna", "p.jpg"), signed=False))
    for _ in range(2):
        noticed.host.run("notices", "forward", notice["id"])
    (entry,) = noticed.host.audit("notice.forwarded")
    assert (entry["notice"], entry["to"]) == (notice["id"], "meldpunt@hotline.example")
    assert entry["actor"]
    assert [n["sent"].count("forward") for n in noticed.notices()] == [1]
    assert "hxxp://anna[.]example/p[.]jpg" in noticed.letters()["forward meldpunt@hotline.example"]["text"]


def test_confidential_orders_and_the_hotlines_own_notices_are_not_handed_on(noticed: NoticeHost) -> None:
    secret = order(noticed, noticed.upload("anna", "p.jpg"))
    own = noticed.receive(noticed.mail(noticed.upload("anna", "q.jpg")))
    assert "confidential order" in noticed.host.run("notices", "forward", secret["id"], code=2)
    assert "not of the public" in noticed.host.run("notices", "forward", own["id"], code=2)
    assert noticed.host.audit("notice.forwarded") == []
    assert not any(name.startswith("forward") for name in noticed.letters())
