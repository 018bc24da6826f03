"""Appeals by mail: by a reference that only the letter has, or proven; never by a machine, never forged."""

from collections.abc import Iterator
from dataclasses import replace
from email.header import Header
from pathlib import Path

import pytest

from goodhoster.adapters.mailers.smtp import SmartHost, SmtpMailer
from goodhoster.letters.outbox import Outbox
from goodhoster.model.cases import CaseState
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import Appeal, AppealChannel, AppealState
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.notice_status import Notice, NoticeState
from goodhoster.model.notices import Carrier, RawNotice, TrustLevel
from goodhoster.notices.spool import Arrived
from goodhoster.takedowns.incoming_mail import IncomingMail
from goodhoster.takedowns.letter_appeals import LetterAppeals
from goodhoster.takedowns.mailed_appeals import MailedAppeals
from tests.standing_house import House, customer
from tests.unit.takedowns.test_desk import NOON, Reader, Services

RULES = CustomerRules(enforce=True)


class Mailroom:
    """A notice desk and the standing of customers, with one outbox."""

    def __init__(self, folder: Path) -> None:
        (folder / "notices").mkdir()
        (folder / "customers").mkdir()
        self.services = Services(folder / "notices")
        self.house = House(
            folder / "customers", RULES, [customer("anna", language="en"), customer("eve", language="en")]
        )
        parts = self.house.appeals._parts
        object.__setattr__(parts, "cases", self.services.cases)
        appeals = MailedAppeals(
            LetterAppeals(self.house.appeals, self.services.cases, self.services.store),
            self.services.believe,
            lambda name: AbuseContact(name, f"{name}@customer.example"),
        )
        self.incoming = self._incoming(appeals, self.services.outbox)
        self.by_reference = self._incoming(
            replace(appeals, letters=replace(appeals.letters, cases=self.house.cases)), self.house.outbox
        )

    def _incoming(self, appeals: MailedAppeals, outbox: Outbox) -> IncomingMail:
        services = self.services
        return IncomingMail(
            services.desk,
            services.spool,
            services.store,
            Reader(),
            outbox,
            appeals=lambda: appeals,
        )

    def statement(self) -> tuple[Notice, Letter]:
        notice = self.services.scart(self.services.file("anna/p.jpg"))
        self.services.letters()
        return notice, next(one for one in self.services.mailer.sent if one.kind is LetterKind.STATEMENT)

    def told(self) -> Letter:
        """A letter about a match, with its reference."""
        object.__setattr__(self.house.appeals._parts, "cases", self.house.cases)
        self.house.offline("eve")
        self.house.letters.tell_of_cases(self.house.cases)
        self.house.deliver()
        return self.house.mailer.sent[-1]

    def mail(
        self, headers: str, text: str, sender: str = "anna@customer.example", *, to: IncomingMail | None = None
    ) -> Notice | None:
        mail = f"From: {sender}\nTo: abuse@hoster.example\nMessage-ID: <r@x>\n{headers}\n\n{text}\n"
        receipt = self.services.desk.keep(RawNotice(Carrier.MAIL, mail.encode()), Arrived(sender))
        (to or self.incoming).receive(receipt)
        notice = (to or self.incoming).receive(receipt)  # as after a crash
        assert not list(self.services.spool.waiting())
        return notice

    def appeals(self) -> list[Appeal]:
        return list(self.house.store.appeals())

    def close(self) -> None:
        self.services.close()
        self.house.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Mailroom]:
    room = Mailroom(tmp_path)
    yield room
    room.close()


def answering(letter: Letter) -> str:
    server = SmartHost("localhost", 25, "abuse@hoster.example", "Abuse desk", "none")
    message_id = SmtpMailer(server, lambda: NOON).message(letter)["Message-ID"]
    return f"Subject: Re: x\nIn-Reply-To: {message_id}"


def test_a_proven_answer_to_the_statement_about_a_notice_is_an_appeal(room: Mailroom) -> None:
    notice, letter = room.statement()
    room.services.level = TrustLevel.AUTHENTICATED
    assert room.mail(answering(letter), "It is a beach.\n\nSee for yourself.\n\n> quoted") is None
    (appeal,) = room.appeals()
    assert (appeal.customer, appeal.subject) == ("anna", f"case:{notice.items[0].cases[0]}")
    assert appeal.channel is AppealChannel.MAIL
    assert appeal.text == "From: anna@customer.example\n\nIt is a beach.\n\nSee for yourself."
    assert room.services.store.get(notice.id).replies == ()
    assert room.services.cases.get(notice.items[0].cases[0]).state is CaseState.OFFLINE


@pytest.mark.parametrize(
    ("level", "sender"),
    [(TrustLevel.UNAUTHENTICATED, "anna@customer.example"), (TrustLevel.AUTHENTICATED, "mallory@elsewhere.example")],
)
def test_what_is_not_proven_waits_for_a_person(room: Mailroom, level: TrustLevel, sender: str) -> None:
    notice, letter = room.statement()
    room.services.level = level
    joined = room.mail(answering(letter), "It is a beach.", sender)
    assert room.appeals() == []
    assert joined
    assert (joined.id, [reply.waits for reply in joined.replies]) == (notice.id, [True])


@pytest.mark.parametrize("header", ["Auto-Submitted: auto-replied", "Precedence: bulk"])
def test_a_machine_makes_no_appeal(room: Mailroom, header: str) -> None:
    _, letter = room.statement()
    room.services.level = TrustLevel.AUTHENTICATED
    room.mail(f"{answering(letter)}\n{header}", "I am on holiday.")
    told = room.told()
    room.mail(f"Subject: Re: {told.subject}\nIn-Reply-To: <x@y>\n{header}", "On holiday.", to=room.by_reference)
    assert room.appeals() == []


@pytest.mark.parametrize("more", ["", "\nIn-Reply-To: <other@client.example>"], ids=["a new mail", "an answer"])
def test_a_reference_is_enough_whoever_writes(room: Mailroom, more: str) -> None:
    letter = room.told()
    subject = f"Subject: Re: {letter.subject}{more}"
    assert room.mail(subject, "It is a beach.", "lawyer@elsewhere.example", to=room.by_reference) is None
    (appeal,) = room.appeals()
    assert (appeal.customer, appeal.subject, appeal.channel) == ("eve", "case:k1", AppealChannel.MAIL)
    assert appeal.text.startswith("From: lawyer@elsewhere.example\n")


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\u3164"], ids=ascii)
def test_a_mail_without_a_word_is_no_appeal(room: Mailroom, text: str) -> None:
    room.mail(f"Subject: Re: {room.told().subject}", text, to=room.by_reference)
    assert room.appeals() == []
    room.mail(f"Subject: Re: {room.house.mailer.sent[-1].subject}", "It is a beach.", to=room.by_reference)
    assert len(room.appeals()) == 1


def test_and_so_is_an_answer_to_the_letter_that_has_it(room: Mailroom) -> None:
    letter = room.told()
    assert room.mail(answering(letter), "It is a beach.", to=room.by_reference) is None
    assert [appeal.customer for appeal in room.appeals()] == ["eve"]


def test_a_made_up_reference_and_a_made_up_message_id_are_mails_for_a_person(room: Mailroom) -> None:
    letter = room.told()
    forged = f"<{letter.id}.{'a' * 16}@hoster.example>"
    for headers in (
        "Subject: Re: [GH-222222222222]\nIn-Reply-To: <x@y>",
        f"Subject: Re: x\nIn-Reply-To: {forged}",
    ):
        notice = room.mail(headers, "It is a beach.", to=room.by_reference)
        assert notice
        assert notice.state is NoticeState.NEEDS_PERSON
    assert room.appeals() == []


def test_a_second_mail_about_the_same_joins_the_appeal_while_it_is_open(room: Mailroom) -> None:
    subject = f"Subject: Re: {room.told().subject}\nIn-Reply-To: <other@client.example>"
    room.mail(subject, "It is a beach.", to=room.by_reference)
    (before,) = room.appeals()
    assert room.mail(subject, "And here is the photographer's letter.", to=room.by_reference) is None
    (appeal,) = room.appeals()
    assert appeal.text.startswith(before.text)
    assert appeal.text.count("And here is the photographer's letter.") == 1
    assert replace(appeal, text=before.text) == before


def test_a_mail_about_what_is_decided_reaches_a_person(room: Mailroom) -> None:
    subject = f"Subject: Re: {room.told().subject}\nIn-Reply-To: <other@client.example>"
    room.mail(subject, "It is a beach.", to=room.by_reference)
    (appeal,) = room.appeals()
    room.house.store.replace_appeal(replace(appeal, state=AppealState.REJECTED), expected=AppealState.OPEN)
    second = room.mail(subject, "And here is the photographer's letter.", to=room.by_reference)
    assert second
    assert second.state is NoticeState.NEEDS_PERSON
    assert [one.text for one in room.appeals()] == [appeal.text]


def test_more_than_an_appeal_holds_reaches_a_person(room: Mailroom) -> None:
    subject = f"Subject: Re: {room.told().subject}"
    room.mail(subject, "It is a beach. " * 1000, to=room.by_reference)
    second = room.mail(subject, "It is a dune. " * 1000, to=room.by_reference)
    assert second
    assert second.state is NoticeState.NEEDS_PERSON


AUTOMATIC = [
    ("Automatic reply: {subject}", "I am out of the office until Monday and will read your message then."),
    ("Automatic reply: {subject}", "Hello."),
    ("Abwesenheitsnotiz: {subject}", "Ich bin bis Montag nicht im Haus. Ihre Nachricht wird nicht gelesen."),
    ("Re: Automatisch antwoord: {subject}", "Tot maandag."),
    ("Réponse automatique : {subject}", "Je reviens lundi."),
    ("Respuesta automática: {subject}", "Vuelvo el lunes."),
    ("Automatyczna odpowiedź: {subject}", "Wracam w poniedziałek."),
    ("Автоответ: {subject}", "Буду в понедельник."),
    ("自动回复: {subject}", "星期一见。"),
    ("Gelezen: {subject}", "maandag"),
    ("Undeliverable: {subject}", "See below."),
    ("Re: {subject}", "I am on holiday until Monday."),
    ("Re: {subject}", "Ik ben tot maandag afwezig."),
    ("Re: {subject}", "Thank you for your message. Ticket #12 has been opened."),
    ("Re: {subject}", "Wir haben Ihre Nachricht erhalten."),
]


@pytest.mark.parametrize(("subject", "text"), AUTOMATIC, ids=ascii)
def test_what_only_words_call_automatic_uses_up_no_appeal(room: Mailroom, subject: str, text: str) -> None:
    told = room.told()
    header = Header(subject.format(subject=told.subject), "utf-8", maxlinelen=2000).encode()
    kept = room.mail(f"Subject: {header}", text, to=room.by_reference)
    assert kept
    assert kept.state is NoticeState.NEEDS_PERSON
    assert room.appeals() == []
    room.mail(f"Subject: Re: {told.subject}", "This is my objection: it is a beach.", to=room.by_reference)
    assert [appeal.text.partition("\n\n")[2] for appeal in room.appeals()] == ["This is my objection: it is a beach."]


@pytest.mark.parametrize(("subject", "text"), AUTOMATIC[:3], ids=ascii)
def test_nor_does_one_that_answers_a_statement(room: Mailroom, subject: str, text: str) -> None:
    _, letter = room.statement()
    room.services.level = TrustLevel.AUTHENTICATED
    about = answering(letter).partition("\n")[2]
    room.mail(f"Subject: {subject.format(subject=letter.subject)}\n{about}", text)
    assert room.appeals() == []
    room.mail(answering(letter), "It is a beach.")
    assert len(room.appeals()) == 1


@pytest.mark.parametrize("quoted", ["\n> ", "\n\nOn Monday you wrote:\n> "])
def test_our_own_letter_quoted_below_makes_no_program_of_a_customer(room: Mailroom, quoted: str) -> None:
    told = room.told()
    text = "It is a beach." + quoted + told.text.replace("\n", "\n> ")
    room.mail(f"Subject: Re: {told.subject}", text, to=room.by_reference)
    assert len(room.appeals()) == 1
