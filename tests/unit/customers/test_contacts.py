"""Contacts: asked, answered by people only, once, in time; or silent, or undeliverable."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.mailers.memory import MemoryMailer
from goodhoster.adapters.stores.customers.contacts import SqliteContactStore
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.contacts.desk import ContactDesk, ContactMail, ContactParts
from goodhoster.errors import PassingError, PermanentError, RefusedError
from goodhoster.letters.contact_letters import OutgoingContactLetters, requests_answered, requests_reported
from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Letterhead
from goodhoster.model.alerts import AlertKind
from goodhoster.model.customers.contact_requests import (
    AddressCheck,
    Answered,
    ContactState,
    Deliverability,
    RequestKind,
)
from goodhoster.model.customers.register import Contact, Customer, RegisterImport
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.notices import DeliveryReport, NoticeFormat, ReadItem, ReadNotice
from goodhoster.policy.contacts import ContactRules

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVA = Contact("email", "Eva@client.example", "abuse")


class Domains:
    result = AddressCheck(Deliverability.DELIVERABLE)

    def check(self, _address: str) -> AddressCheck:
        return self.result


class Telephone:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def page(self, subject: str, text: str, kind: AlertKind = AlertKind.ALARM, about: str = "") -> None:  # noqa: ARG002
        self.calls.append((subject, text.strip()))


class House:
    def __init__(self, folder: Path) -> None:
        self.now, self.high_risk = NOON, False
        self.folder = folder
        self.customers = SqliteCustomerStore(record := customers_file(folder / "customers.sqlite"))
        self.record, self.mailer, self.domains, self.telephone = record, MemoryMailer(), Domains(), Telephone()
        self.outbox = Outbox(folder / "letters", self.clock, 100)
        head = Letterhead("Made-up Hosting", "abuse@hoster.example", "en")
        self.store = SqliteContactStore(record)
        parts = ContactParts(
            self.customers,
            self.store,
            OutgoingContactLetters(self.outbox, head, "https://abuse.hoster.example/"),
            self.domains,
            FileAuditLog(folder / "audit.log", self.clock),
            self.telephone,
            self.clock,
            lambda _: self.high_risk,
        )
        self.desk = ContactDesk(parts, ContactRules(drills_a_day=2))
        self.register(Customer("anna", "Anna", language="nl", contacts=(EVA, Contact("phone", "+31 20 123 4567"))))

    def clock(self) -> datetime:
        return self.now

    def register(self, *customers: Customer) -> None:
        with self.customers.stage("test") as staged:
            for customer in customers:
                staged.add(customer)
            staged.difference(replace=False)
            staged.apply(RegisterImport("test", self.now, "eva", "x.csv", len(customers), 0))

    def letter(self) -> Letter:
        self.outbox.deliver(self.mailer)
        return self.mailer.sent[-1]

    def token(self) -> str:
        found = re.search(r"https://abuse\.hoster\.example/contact/(\S+)", self.letter().text)
        assert found
        return found[1]

    def answer(self, opening: str, letter: Letter | None = None, **more: object) -> bool:
        letter = letter or self.letter()
        answered = requests_answered(self.outbox.codes.letters_in(f"<{letter.id}.{letter.code}@hoster.example>"))
        read = ReadNotice(NoticeFormat.UNREADABLE, opening=opening, **more)  # type: ignore[arg-type]
        return self.desk.take(ContactMail(answered, (), lambda: read))

    def bounce(self, *reports: DeliveryReport, to: str = "") -> bool:
        reported = requests_reported(to or self.letter().bounces_to.upper(), self.outbox)  # a server may change case
        read = ReadNotice(NoticeFormat.UNREADABLE, automatic=True, deliveries=reports)
        return self.desk.take(ContactMail((), reported, lambda: read))

    def state(self) -> ContactState:
        return self.desk.status("anna").state


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.record.close()


def test_only_the_pressed_button_proves_an_address_and_only_once(house: House) -> None:
    assert house.state() is ContactState.UNCHECKED
    request = house.desk.ask("anna", RequestKind.VERIFY, "eva")
    token = house.token()
    assert house.state() is ContactState.PENDING
    assert house.desk.request_of_link(token) == request
    assert house.state() is ContactState.PENDING  # looking confirms nothing
    house.now += timedelta(hours=1)
    answered = house.desk.confirm(token)
    assert answered
    assert (answered.answered_by, answered.answered_at) == (Answered.LINK, house.now)
    status = house.desk.status("anna")
    assert (status.state, status.verified_at) == (ContactState.VERIFIED, house.now)
    assert house.desk.confirm(token) is None  # replayed
    assert house.desk.request_of_link(token) is None


@pytest.mark.parametrize("high_risk", [False, True])
def test_a_proof_expires_sooner_at_high_risk(house: House, high_risk: bool) -> None:  # noqa: FBT001
    house.high_risk = high_risk
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    house.desk.confirm(house.token())
    house.now += timedelta(days=181 if high_risk else 364)
    assert house.state() is ContactState.VERIFIED
    house.now += timedelta(days=2)
    assert house.state() is ContactState.EXPIRED
    house.high_risk = not high_risk
    assert house.desk.status("anna", high_risk=high_risk).state is ContactState.EXPIRED  # by who knows the risk


def test_a_token_expires_and_cannot_be_guessed(house: House) -> None:
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    token = house.token()
    for wrong in ("", "x", token[:-1], token + "A", token.swapcase()):
        assert house.desk.confirm(wrong) is None
    house.now += timedelta(days=7)
    assert house.desk.confirm(token) is None
    assert house.answer("Ja") is True  # ours, and too late
    assert house.state() is ContactState.UNCHECKED


def test_no_token_is_kept_in_readable_form(house: House) -> None:
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    token = house.token()
    house.record.close()
    everything = [file.read_bytes() for file in house.folder.rglob("*") if file.is_file()]
    assert not any(token.encode() in content for content in everything)
    assert not any(b"client.example" in content for content in [(house.folder / "audit.log").read_bytes()])


@pytest.mark.parametrize(
    ("opening", "proves", "consumed"),
    [
        ("JA", True, True),
        ("yes.", True, True),
        ("Ja!", True, True),
        ("Yes, but who are you?", False, False),
        ("We have received your request (ticket 123).", False, False),
        ("", False, False),
    ],
)
def test_a_reply_proves_an_address_by_the_word_that_was_asked_for(
    house: House,
    opening: str,
    proves: bool,  # noqa: FBT001
    consumed: bool,  # noqa: FBT001
) -> None:
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    assert house.answer(opening) is consumed  # else it is for a person
    assert (house.state() is ContactState.VERIFIED) is proves


def test_an_automatic_reply_proves_nothing_whatever_it_says(house: House) -> None:
    request = house.desk.ask("anna", RequestKind.VERIFY, "eva")
    assert house.answer("Ja", automatic=True)
    assert house.state() is ContactState.PENDING
    assert house.store.get(request.id).auto_replied_at == house.now  # type: ignore[union-attr]


def test_a_reply_that_names_an_address_is_for_a_person_as_well(house: House) -> None:
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    assert house.answer("Ja", items=(ReadItem(("http://bert.example/x.jpg",)),)) is False
    assert house.state() is ContactState.VERIFIED


@pytest.mark.parametrize(
    ("report", "state"),
    [
        (DeliveryReport(("eva@client.example",), "failed", "5.1.1"), ContactState.INVALID),
        (DeliveryReport(("elsewhere@x.example", "eva@client.example"), "failed", "5.7.1"), ContactState.INVALID),
        (DeliveryReport(("eva@client.example",), "failed", "4.4.7"), ContactState.PENDING),
        (DeliveryReport(("eva@client.example",), "delayed", "4.2.0"), ContactState.PENDING),
        (DeliveryReport(("eva@client.example",), "relayed", "2.0.0"), ContactState.PENDING),
        (DeliveryReport(("eva@client.example",), "expanded", "2.1.5"), ContactState.PENDING),
        (DeliveryReport(("forwarded@x.example",), "failed", "5.1.1"), ContactState.PENDING),
    ],
)
def test_only_a_failure_for_good_of_this_address_makes_it_invalid(
    house: House, report: DeliveryReport, state: ContactState
) -> None:
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    other = DeliveryReport(("other@client.example",), "failed", "5.1.1")
    assert house.bounce(other, report)
    assert house.state() is state
    if state is ContactState.INVALID:
        assert house.desk.confirm(house.token()) is None


def test_a_forged_report_does_nothing(house: House) -> None:
    request = house.desk.ask("anna", RequestKind.VERIFY, "eva")
    failed = DeliveryReport(("eva@client.example",), "failed", "5.1.1")
    message_code = house.letter().code  # what the receiver knows is not what its mail servers know
    for to in (
        "abuse@hoster.example",
        f"abuse+{request.id}-{'a' * 16}@hoster.example",
        f"abuse+{request.id}-{message_code}@hoster.example",
    ):
        assert house.bounce(failed, to=to) is False
    assert house.state() is ContactState.PENDING


def test_a_report_after_the_answer_changes_nothing_and_a_later_one_does(house: House) -> None:
    failed = DeliveryReport(("eva@client.example",), "failed", "5.1.1")
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    house.desk.confirm(house.token())
    house.bounce(failed)
    assert house.state() is ContactState.VERIFIED
    house.now += timedelta(days=1)
    house.desk.ask("anna", RequestKind.DRILL, "eva")
    house.bounce(failed)
    assert house.state() is ContactState.INVALID


def test_an_address_that_takes_no_mail_is_not_written_to_and_one_that_nobody_could_look_up_is(house: House) -> None:
    house.domains.result = AddressCheck(Deliverability.UNCHECKED, "DNS did not answer")
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    assert house.state() is ContactState.PENDING
    house.domains.result = AddressCheck(Deliverability.UNDELIVERABLE, "client.example takes no mail")
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    assert (house.outbox.waiting(), house.state()) == (1, ContactState.INVALID)
    assert house.desk.status("anna").why == "client.example takes no mail"


def test_another_address_has_nothing_of_the_proof(house: House) -> None:
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    house.desk.confirm(house.token())
    house.register(Customer("anna", "Anna", contacts=(Contact("email", "new@client.example", "abuse"), EVA)))
    assert house.state() is ContactState.UNCHECKED
    house.register(Customer("bert", "Bert"))
    assert house.desk.status("bert").state is ContactState.NONE
    with pytest.raises(RefusedError, match="no mail address"):
        house.desk.ask("bert", RequestKind.VERIFY, "eva")
    assert house.desk.status("nobody").state is ContactState.NONE


def test_a_drill_is_marked_reminded_of_and_its_silence_counted(house: House) -> None:
    request = house.desk.ask("anna", RequestKind.DRILL, "eva")
    letter = house.letter()
    assert letter.kind is LetterKind.DRILL
    assert letter.subject.startswith("OEFENING")
    assert letter.text.count("DIT IS EEN OEFENING") == 2
    for hours, letters, silent in ((23, 1, False), (25, 2, False), (26, 2, False), (47, 2, False), (48, 2, True)):
        house.now = NOON + timedelta(hours=hours)
        house.desk.process_due()
        house.outbox.deliver(house.mailer)
        (now,) = house.desk.requests("anna")
        assert (len(house.mailer.sent), now.silent_at is not None) == (letters, silent), hours
    assert "herinnering" in house.mailer.sent[-1].subject
    assert house.desk.status("anna").silent_drills == 1
    house.now += timedelta(hours=1)
    assert house.answer("Ja", house.mailer.sent[-1])  # late: to the reminder
    (late,) = house.desk.requests("anna")
    assert (late.id, late.in_time) == (request.id, False)
    status = house.desk.status("anna")
    assert (status.state, status.silent_drills) == (ContactState.VERIFIED, 1)
    house.now += timedelta(days=1)
    house.desk.ask("anna", RequestKind.DRILL, "eva")
    house.answer("Ja")
    assert house.desk.status("anna").silent_drills == 0


def test_drills_for_all_take_the_longest_ago_first_within_a_days_limit(house: House) -> None:
    others = [Customer(name, contacts=(Contact("email", f"{name}@c.example"),)) for name in ("bert", "cas", "dirk")]
    house.register(*others, Customer("none"), replace(others[0], id="gone", status="ended"))
    assert house.desk.drills_due() == ["anna", "bert"]
    for customer in house.desk.drills_due():
        house.desk.ask(customer, RequestKind.DRILL, "eva")
    assert house.desk.drills_due() == []
    house.now += timedelta(days=1, seconds=1)
    assert house.desk.drills_due() == ["cas", "dirk"]
    house.now += timedelta(days=182)
    assert house.desk.drills_due() == ["cas", "dirk"]  # never drilled
    for customer in house.desk.drills_due():
        house.desk.ask(customer, RequestKind.DRILL, "eva")
    house.now += timedelta(days=2)
    assert house.desk.drills_due() == ["anna", "bert"]


def test_a_letter_that_our_own_mail_server_refuses_for_good_has_failed(house: House) -> None:
    class Refusing:
        def send(self, letter: Letter) -> None:
            raise PermanentError(f"550 {letter.to}")

        def close(self) -> None:
            pass

    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    house.outbox.deliver(Refusing())
    house.desk.process_due()
    assert house.state() is ContactState.INVALID
    assert house.outbox.refused() == 0  # nobody is called for it


def test_a_telephone_is_proven_by_a_code_with_few_tries(house: House) -> None:
    house.desk.call("anna", "eva")
    ((number, code),) = house.telephone.calls
    assert (number, len(code)) == ("+31201234567", 8)
    wrong = "0" * 8 if code != "0" * 8 else "1" * 8
    for _ in range(5):
        with pytest.raises(RefusedError):
            house.desk.enter_code("anna", wrong)
    with pytest.raises(RefusedError, match="no code waits"):
        house.desk.enter_code("anna", code)
    house.desk.call("anna", "eva")
    house.desk.enter_code("anna", f"{house.telephone.calls[-1][1][:4]} {house.telephone.calls[-1][1][4:]}")
    status = house.desk.status("anna")
    assert (status.phone_verified_at, status.state) == (house.now, ContactState.UNCHECKED)
    with pytest.raises(RefusedError):
        house.desk.enter_code("anna", house.telephone.calls[-1][1])
    house.desk.call("anna", "eva")
    house.now += timedelta(minutes=15)
    with pytest.raises(RefusedError):
        house.desk.enter_code("anna", house.telephone.calls[-1][1])


def test_a_clock_that_was_set_back_confirms_nothing_twice(house: House) -> None:
    house.desk.ask("anna", RequestKind.VERIFY, "eva")
    token = house.token()
    house.desk.confirm(token)
    house.now -= timedelta(days=3)
    assert house.desk.confirm(token) is None
    with suppress(RefusedError):
        house.desk.process_due()
    assert house.state() is ContactState.VERIFIED


@pytest.mark.parametrize("language", ["nl", "en", "de", "fr", ""])
@pytest.mark.parametrize("kind", [RequestKind.VERIFY, RequestKind.DRILL])
def test_every_letter_has_its_link_its_number_and_no_line_that_is_the_word_itself(
    house: House, language: str, kind: RequestKind
) -> None:
    house.register(Customer("anna", language=language, contacts=(EVA,)))
    request = house.desk.ask("anna", kind, "eva")
    letter = house.letter()
    assert request.id in letter.subject
    assert "/contact/" in letter.text
    assert not any(re.fullmatch(r"\W*(yes|ja|ok)\W*", line, re.IGNORECASE) for line in letter.text.splitlines())


def test_what_one_request_throws_keeps_no_other_from_its_turn(house: House) -> None:
    house.register(Customer("bert", "Bert", contacts=(Contact("email", "bert@customer.example"),)))
    asked = [house.desk.ask(name, RequestKind.VERIFY, "eva") for name in ("anna", "bert")]
    poison, other = sorted(asked, key=lambda request: request.id)

    class Broken:
        def __getattr__(self, name: str) -> object:
            return getattr(letters, name)

        def was_refused(self, request_id: str) -> bool:
            if request_id == poison.id:
                raise UnicodeError("no such letter")
            return letters.was_refused(request_id)

    letters = house.desk._parts.letters
    object.__setattr__(house.desk._parts, "letters", Broken())
    house.now = NOON + timedelta(days=30)
    with pytest.raises(PassingError, match=poison.id):
        house.desk.process_due()
    (silent,) = house.desk.requests(other.customer)
    assert silent.silent_at is not None
