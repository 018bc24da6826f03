"""Customers are told nothing about a notice that may be confidential, until a person says so."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.notice_status import ItemState, Notice
from goodhoster.model.notices import Carrier, RawNotice, TrustLevel
from goodhoster.notices.spool import Arrived
from goodhoster.takedowns.manual_letters import ManualLetters
from goodhoster.takedowns.summary import confidential_text, page_text
from tests.unit.takedowns.test_desk import EVA, Services

SECRET = "Informeer uw klant niet, er loopt een opsporingsonderzoek."


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    services.close()


def by_hand(services: Services) -> ManualLetters:
    parts = services.desk._parts
    return ManualLetters(parts.store, parts.audit, parts.letters, parts.lock)


def received(services: Services, text: str, kind: str, subject: str = "[M0000000001] Notice") -> Notice:
    head = (
        "From: desk@hotline.example\nTo: abuse@hoster.example\nMessage-ID: <1@hotline.example>\nMIME-Version: 1.0\n"
        f"Subject: {subject}\nContent-Type: {kind}\n"
    )
    receipt = services.desk.keep(RawNotice(Carrier.MAIL, f"{head}\n{text}".encode()), Arrived("x@y"))
    return services.desk.receive(receipt)


def table(url: str) -> str:
    return f'<table class="urls"><tr><th>url</th><th>note</th></tr><tr><td>{url}</td><td></td></tr></table>'


@pytest.mark.parametrize("layout", ["table", "text", "subject", "list"])
def test_a_proven_notice_of_any_format_acts_and_tells_its_customer_nothing(services: Services, layout: str) -> None:
    url = services.file("anna/p.jpg")
    if layout == "table":
        notice = received(services, f"<p>{SECRET}</p>{table(url)}", "text/html")
    elif layout == "subject":
        notice = received(services, table(url), "text/html", "NTD [M0000000001] VERTROUWELIJK")
    elif layout == "list":
        listed = f"--b\nContent-Type: text/plain\n\n{SECRET}\n--b\n"
        listed += f"Content-Type: text/csv; name=l.csv\n\nurl;ip\n{url};\n--b--"
        notice = received(services, listed, "multipart/mixed; boundary=b")
    else:
        notice = received(services, f"{url}\n\n{SECRET}\n", "text/plain")
    if services.states(notice) == [ItemState.HELD]:  # a free text waits for a person
        services.desk.confirm(notice.id, EVA)
    services.later(hours=2)
    after = services.store.get(notice.id)
    assert services.states(after) == [ItemState.INACCESSIBLE]
    assert "statement:anna-withheld" in after.sent
    assert "statement" not in services.letters()


def test_it_is_withheld_whoever_sent_it_and_a_person_releases_it(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    notice = received(services, f"{services.file('anna/p.jpg')}\n\n{SECRET}\n", "text/plain")
    services.desk.confirm(notice.id, EVA)
    assert "statement" not in services.letters()
    by_hand(services).inform_customers(notice.id, EVA)
    assert services.letters().count("statement") == 1
    services.later(days=8)
    assert services.letters().count("statement") == 1


def test_the_disclaimer_below_a_mail_withholds_nothing(services: Services) -> None:
    disclaimer = "This e-mail is confidential and intended solely for the addressee."
    received(services, f"{table(services.file('anna/p.jpg'))}<p>{disclaimer}</p>", "text/html")
    services.later(hours=2)
    assert "statement" in services.letters()


def test_the_sentence_and_the_way_to_release_it_are_told(services: Services) -> None:
    text = f"Do not inform the owner of http://anna.example/secret.html or www.anna.example. {SECRET}"
    notice = received(services, f"<p>{text}</p>{table(services.file('anna/p.jpg'))}", "text/html")
    told = confidential_text(notice)
    assert "Do not inform the owner of (address)" in told
    assert f"goodhoster notices tell {notice.id}" in told
    assert "http" not in told, "no mail program makes a link of it"
    assert f"Confidential: {told}" in page_text(notice)
    assert notice.read
    assert confidential_text(replace(notice, read=replace(notice.read, confidential=""))) == ""


def test_a_notice_of_the_public_may_still_be_handed_on_to_the_hotline(services: Services) -> None:
    services.level = TrustLevel.UNAUTHENTICATED
    url = services.file("anna/p.jpg")
    notice = received(services, f"{url}\n\nPlease keep this report confidential.\n", "text/plain")
    assert by_hand(services).forward(notice.id, "meldpunt@hotline.example", "eva").kind == "forward"
    order = received(services, f"Removal order\nConfidential: yes\n{url}\n", "text/plain", "Removal order")
    with pytest.raises(RefusedError, match="confidential order"):
        by_hand(services).forward(order.id, "meldpunt@hotline.example", "eva")
