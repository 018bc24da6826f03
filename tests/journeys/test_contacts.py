"""Contacts of customers through a real postfix: written to, answered by people, by machines, by nobody."""

import json
import os
import re
import smtplib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.model.customers.register import Contact, Customer, RegisterImport, Service
from goodhoster.testing.name_server import FakeNameServer
from tests.commandserver import goodhoster
from tests.journeys.host import PATIENCE, Host, sha1_of, wait_until
from tests.journeys.mailservers import delivered, open_folder, postfix
from tests.journeys.noticehost import NoticeHost
from tests.ports import free_port

pytestmark = [
    pytest.mark.debian("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts as root only"),
]
POSTFIX = """recipient_delimiter = +
smtpd_reject_unlisted_recipient = no
transport_maps = inline:{ {gone.example=error:5.1.1 nobody here} }
"""
ZONE = {
    ("mail.example", "MX"): ["10 mx.mail.example."],
    ("gone.example", "MX"): ["10 mx.gone.example."],
    ("null.example", "MX"): ["0 ."],
}
CUSTOMERS = {
    "link": "link@mail.example",
    "reply": "reply@mail.example",
    "bounce": "nobody@gone.example",
    "null": "x@null.example",
    "robot": "robot@mail.example",
    "late": "late@mail.example",
    "quiet": "quiet@mail.example",
}


@dataclass
class Contacts:
    """The host, its mail server, and whoever reads its letters."""

    host: Host
    ours: NoticeHost
    folder: Path
    port: int
    http: int

    def command(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        done = goodhoster("customers", *arguments, "--json", "--config", str(self.host.config))
        assert done.returncode != 2, done.stderr
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def contact(self, customer: str) -> dict[str, Any]:
        return self.command("show", customer)[1][0]["contact"]

    def state(self, customer: str) -> str:
        return self.contact(customer)["state"]

    def letter(self, customer: str, subject: str = "") -> Message:
        """The newest letter to that customer's contact, once postfix has put it into the mailbox."""

        def found() -> list[Message]:
            to = CUSTOMERS[customer]
            return [m for m in delivered(self.folder) if m["X-Original-To"] == to and subject in str(m["Subject"])]

        assert wait_until(lambda: bool(found())), (self.folder / "log").read_text()
        return max(found(), key=lambda message: parsedate_to_datetime(message["Date"]))

    def page(self, letter: Message, method: str = "GET") -> int:
        text = letter.get_payload(decode=True)
        assert isinstance(text, bytes)
        link = re.search(rb"http://\S+/contact/\S+", text)
        assert link
        try:
            request = urllib.request.Request(link[0].decode(), method=method)  # noqa: S310 - our own page
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - the same
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def send(self, headers: str, text: str, sender: str, to: str = "abuse@hoster.example") -> None:
        with smtplib.SMTP("127.0.0.1", self.port) as client:
            mail = f"From: {sender or 'MAILER-DAEMON@mail.example'}\nTo: {to}\n{headers}\n\n{text}\n"
            client.sendmail(sender, [to], mail.replace("\n", "\r\n").encode())


@pytest.fixture
def contacts(host: Host) -> Iterator[Contacts]:
    with open_folder() as folder, postfix(folder, POSTFIX) as port, FakeNameServer({}, ZONE) as names:
        ours, http = NoticeHost(host), free_port()
        more = (
            f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsender = "abuse@hoster.example"\n'
            f'[contacts]\nlink = "http://127.0.0.1:{http}"\nname_server = "127.0.0.1:{names.port}"\n'
        )
        ours.configure(f'lmtp = "unix:{folder}/lmtp.sock"\nlmtp_peers = ["postfix"]\nlisten = "127.0.0.1:{http}"', more)
        register(host.folder / "state")
        host.start()
        yield Contacts(host, ours, folder, port, http)
        host.stop()


def register(state: Path) -> None:
    state.mkdir(mode=0o700, exist_ok=True)
    with closing(customers_file(state / "customers.sqlite")) as record:
        store = SqliteCustomerStore(record)
        with store.stage("test") as staged:
            for name, address in CUSTOMERS.items():
                services = (Service("vps", "vps", networks=("192.0.2.7/32",)),) if name == "reply" else ()
                contact = Contact("email", address, "abuse")
                staged.add(Customer(name, contacts=(contact,), services=services, language="nl"))
            staged.difference(replace=False)
            staged.apply(RegisterImport("test", datetime.now(UTC), "test", "", len(CUSTOMERS), 0))


def test_contacts_are_proven_by_people_only(contacts: Contacts) -> None:
    for customer in CUSTOMERS:
        code, _ = contacts.command("verify-contact", customer)
        assert code == (1 if customer == "null" else 3)
    assert contacts.contact("null")["why"] == "null.example takes no mail (null MX, RFC 7505)"

    # By the link: opening it, as mail scanners do, proves nothing; the button does, once.
    letter = contacts.letter("link")
    assert re.fullmatch(r"<abuse\+c\d{8}-[2-9a-z]{7}-[a-z2-7]{16}@hoster\.example>", letter["Return-Path"])
    assert [contacts.page(letter), contacts.page(letter)] == [200, 200]
    assert contacts.state("link") == "pending"
    assert contacts.page(letter, "POST") == 200
    assert contacts.state("link") == "verified"
    assert contacts.page(letter, "POST") == 404
    assert contacts.page(letter) == 404

    # By a machine, with the right Message-ID or to the envelope sender: nothing.
    letter = contacts.letter("robot")
    answer = f"In-Reply-To: {letter['Message-ID']}\nSubject: Re: x"
    contacts.send(f"Auto-Submitted: auto-replied\n{answer}", "JA", CUSTOMERS["robot"])
    contacts.send("Auto-Submitted: auto-replied\nSubject: Afwezig", "JA", "", str(letter["Return-Path"]).strip("<>"))
    contacts.send(answer, "We have received your request and opened ticket 42.", CUSTOMERS["robot"])
    # By somebody else, who does not know the code.
    contacts.send(f"In-Reply-To: <{'C20260302-2345678'}.{'a' * 16}@hoster.example>", "JA", CUSTOMERS["robot"])

    # By a colleague to whom it was forwarded, with the quoted letter below.
    letter = contacts.letter("reply")
    contacts.send(
        f"References: <x@elsewhere.example> {letter['Message-ID']}\nSubject: Re: Fwd",
        "Ja\n\n> quoted",
        "colleague@elsewhere.example",
    )
    assert wait_until(lambda: contacts.state("reply") == "verified"), contacts.host.journal()

    # A report of postfix itself: nobody is there. A forged one does nothing.
    assert wait_until(lambda: contacts.state("bounce") == "invalid"), (contacts.folder / "log").read_text()
    assert contacts.contact("bounce")["why"] == "a letter came back: 5.1.1"
    report = (
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
        f"Final-Recipient: rfc822; {CUSTOMERS['link']}\nAction: failed\nStatus: 5.1.1\n\n--b--"
    )
    contacts.send(report, "", "")
    contacts.ours.settled({"needs-person": 3})  # the ticket, both forgeries
    assert (contacts.state("link"), contacts.state("robot")) == ("verified", "pending")

    # Too late.
    letter = contacts.letter("late")
    contacts.host.stop()
    contacts.ours.later(timedelta(days=8))
    contacts.host.start()
    assert contacts.page(letter, "POST") == 404
    assert contacts.state("late") in {"pending", "unchecked"}
    log = (contacts.host.folder / "state/audit.log").read_text()
    assert "mail.example" not in log
    assert log.count('"contact.answered"') == 2


def test_a_drill_is_answered_or_its_silence_counted(contacts: Contacts) -> None:
    code, sent = contacts.command("drill", "link", "quiet")
    assert (code, [request["state"] for request in sent]) == (0, ["waiting", "waiting"])
    letter = contacts.letter("link", "OEFENING")
    assert contacts.page(letter, "POST") == 200
    contacts.letter("quiet", "OEFENING")
    contacts.host.stop()
    contacts.ours.later(timedelta(hours=30))
    contacts.host.start()
    contacts.letter("quiet", "herinnering")
    contacts.host.stop()
    contacts.ours.later(timedelta(hours=30))
    contacts.host.start()
    assert wait_until(lambda: contacts.contact("quiet")["silent_drills"] == 1)
    assert contacts.contact("link")["silent_drills"] == 0
    assert contacts.state("link") == "verified"
    _, preview = contacts.command("drill", "--all", "--preview")
    assert {one["customer"] for one in preview} == CUSTOMERS.keys() - {"link", "quiet"}


def prove(contacts: Contacts) -> None:
    contacts.command("verify-contact", "reply")
    assert contacts.page(contacts.letter("reply"), "POST") == 200


def test_a_notice_about_a_server_of_its_own_is_forwarded_and_its_answer_joins(contacts: Contacts) -> None:
    prove(contacts)
    notice = contacts.ours.receive(contacts.ours.mail("http://192.0.2.7/x.jpg"))
    assert [(item["state"], item["customer"]) for item in notice["items"]] == [("forwarded", "reply")]
    letter = contacts.letter("reply", f"Melding {notice['id']}")
    answer = f"In-Reply-To: {letter['Message-ID']}\nSubject: Re: {letter['Subject']}"
    contacts.send(f"Auto-Submitted: auto-replied\n{answer}", "Afwezig.", CUSTOMERS["reply"])
    contacts.send(answer, "Verwijderd, dank.\n\n> hxxp://192[.]0[.]2[.]7/x[.]jpg", CUSTOMERS["reply"])

    def now() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(contacts.host.run("notices", "show", notice["id"], "--json"))
        return found

    assert wait_until(lambda: now()["state"] == "needs-person"), now()
    assert "customer reply answered" in now()["items"][0]["reason"]
    assert [(reply["opening"], reply["waits"]) for reply in now()["replies"]] == [("Verwijderd, dank.", True)]
    assert now()["stopped_at"] is None
    assert "answered" in contacts.host.run("notices", "show", notice["id"])
    contacts.host.run("notices", "confirm", notice["id"], "--reason", "looked at it")
    assert (now()["state"], now()["items"][0]["state"]) == ("done", "inaccessible")
    assert contacts.ours.notices() == [now()]
    assert "mail.example" not in (contacts.host.folder / "state/audit.log").read_text()


def test_an_appeal_by_mail_opens_one_and_a_forged_one_waits_for_a_person(contacts: Contacts) -> None:
    prove(contacts)
    content = b"made-up picture that a source knows \xff\xd8\xff"
    contacts.host.service.known = {sha1_of(content)}
    contacts.host.upload("reply/www/p.jpg", content)
    assert wait_until(lambda: [case["state"] for case in contacts.host.cases()] == ["offline"])
    contacts.host.stop()
    contacts.host.start()  # statements are written once a minute, and at the start
    letter = contacts.letter("reply", "[GH-")
    subject = f"Subject: Re: {letter['Subject']}\nIn-Reply-To: {letter['Message-ID']}"
    contacts.send(f"Auto-Submitted: auto-replied\n{subject}", "Afwezig.", CUSTOMERS["reply"])
    contacts.send("Subject: Re: [GH-222222222222]\nIn-Reply-To: <x@y.example>", "Een strand.", CUSTOMERS["reply"])
    contacts.send(subject, "Dit is een strand.", CUSTOMERS["reply"])
    assert wait_until(lambda: len(contacts.command("appeals")[1]) == 1), contacts.host.journal()
    ((appeal,),) = [contacts.command("appeals")[1]]
    (case,) = contacts.host.cases()
    assert (appeal["customer"], appeal["channel"], appeal["subject"]) == ("reply", "mail", f"case:{case['id']}")
    assert appeal["text"].endswith("Dit is een strand.")
    contacts.ours.settled({"needs-person": 2})
    contacts.command("decide", appeal["id"], "upheld", "--reason", "it is a beach")
    assert (contacts.host.customers / "reply/www/p.jpg").read_bytes() == content
