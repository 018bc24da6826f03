"""Answers to our letters: they join their notice, end nothing, start nothing, and lose nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.adapters.mailers.smtp import SmartHost, SmtpMailer
from goodhoster.model.letters import Letter
from goodhoster.model.notice_status import ItemState, Notice, NoticeState
from goodhoster.model.notices import Carrier, RawNotice
from goodhoster.notices.spool import Arrived
from goodhoster.takedowns.incoming_mail import IncomingMail
from tests.unit.takedowns.test_desk import EVA, Reader, Services


class Mailroom:
    """A desk whose letters are answered."""

    def __init__(self, folder: Path) -> None:
        self.services = Services(folder)
        self.incoming = IncomingMail(
            self.services.desk, self.services.spool, self.services.store, Reader(), self.services.outbox
        )

    def sent(self, kind: str) -> Letter:
        self.services.letters()
        return next(letter for letter in self.services.mailer.sent if letter.kind == kind)

    def message_id(self, letter: Letter) -> str:
        server = SmartHost("localhost", 25, "abuse@hoster.example", "Abuse desk", "none")
        return str(SmtpMailer(server, self.services.clock).message(letter)["Message-ID"])

    def answer(self, headers: str, text: str = "Thank you.", sender: str = "desk@hotline.example") -> Notice:
        """What became of a mail with these headers."""
        mail = f"From: {sender}\nTo: abuse@hoster.example\nMessage-ID: <r@x>\n{headers}\n\n{text}\n"
        receipt = self.services.desk.keep(RawNotice(Carrier.MAIL, mail.encode()), Arrived(sender))
        self.incoming.receive(receipt)
        notice = self.incoming.receive(receipt)  # as after a crash
        assert notice is not None
        assert not list(self.services.spool.waiting())
        return notice


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Mailroom]:
    room = Mailroom(tmp_path)
    yield room
    room.services.close()


@pytest.fixture
def done(room: Mailroom) -> Notice:
    """A notice that was acted on and answered."""
    notice = room.services.scart(room.services.file("anna/p.jpg"))
    room.services.later(minutes=5)
    assert room.services.store.get(notice.id).state is NoticeState.DONE
    return notice


@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_an_answer_to_our_letter_joins_its_notice_and_waits_for_a_person(
    room: Mailroom, done: Notice, header: str
) -> None:
    before = room.services.store.get(done.id)
    reply = f"Subject: Re: x\n{header}: <other@elsewhere.example>\n {room.message_id(room.sent('result'))}"
    joined = room.answer(reply, "It is still there!")
    assert joined.id == done.id
    assert [(r.opening, r.automatic, r.notice, r.waits) for r in joined.replies] == [
        ("It is still there!", False, "", True)
    ]
    assert joined.state is NoticeState.NEEDS_PERSON
    assert (joined.items, joined.stopped_at, joined.deadline) == (before.items, before.stopped_at, before.deadline)
    assert "page-reply-0" in joined.sent
    letters = len(room.services.mailer.sent)
    after = room.services.desk.dismiss(done.id, EVA)
    assert (after.state, [reply.waits for reply in after.replies]) == (NoticeState.DONE, [False])
    assert after.items[0].state is ItemState.INACCESSIBLE
    room.services.letters()
    assert len(room.services.mailer.sent) == letters  # nobody is answered


def test_a_reply_while_the_notice_is_open_does_not_hold_up_its_answer(room: Mailroom) -> None:
    notice = room.services.scart(room.services.file("anna/p.jpg"))
    joined = room.answer(f"In-Reply-To: {room.message_id(room.sent('receipt'))}", "Thanks")
    assert (joined.id, joined.state) == (notice.id, NoticeState.OPEN)
    room.services.later(minutes=5)
    after = room.services.store.get(notice.id)
    assert (after.state, after.stopped_at is not None) == (NoticeState.NEEDS_PERSON, True)
    assert room.sent("result").id.startswith(notice.id)


def test_an_automatic_answer_joins_and_is_for_nobody(room: Mailroom, done: Notice) -> None:
    headers = f"Auto-Submitted: auto-replied\nIn-Reply-To: {room.message_id(room.sent('result'))}"
    joined = room.answer(headers, "I am out of the office.")
    assert (joined.id, joined.state) == (done.id, NoticeState.DONE)
    assert [reply.automatic for reply in joined.replies] == [True]


def test_a_new_address_in_a_reply_is_a_notice_of_its_own(room: Mailroom, done: Notice) -> None:
    url = room.services.file("bert/other.jpg")
    room.services.level = room.services.level.UNAUTHENTICATED
    own = room.answer(f"In-Reply-To: {room.message_id(room.sent('result'))}", f"And this one: {url}")
    assert own.id != done.id
    assert [item.url for item in own.items] == [url]
    assert own.items[0].state is ItemState.HELD
    (reply,) = room.services.store.get(done.id).replies
    assert (reply.notice, reply.waits) == (own.id, False)
    assert room.services.store.get(done.id).state is NoticeState.DONE


def test_what_is_quoted_from_our_letter_is_nothing_new(room: Mailroom, done: Notice) -> None:
    letter = room.sent("result")
    quoted = "\n".join(f"> {line}" for line in letter.text.splitlines())
    joined = room.answer(f"In-Reply-To: {room.message_id(letter)}", f"Not gone.\n\n{quoted}")
    assert joined.id == done.id
    assert joined.replies[0].opening == "Not gone."


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ("In-Reply-To: <{id}-result@hoster.example>", "desk@hotline.example"),
        ("In-Reply-To: <{id}-result.aaaaaaaaaaaaaaaa@hoster.example>", "desk@hotline.example"),
        ("Subject: Re: ({id})", "evil@elsewhere.example"),
    ],
)
def test_who_does_not_know_our_code_answers_nothing(room: Mailroom, done: Notice, headers: str, sender: str) -> None:
    own = room.answer(headers.format(id=done.id), "Close it please.", sender)
    assert own.id != done.id
    assert own.state is NoticeState.NEEDS_PERSON
    assert not room.services.store.get(done.id).replies


def test_our_number_in_the_subject_is_enough_for_the_notifier_itself(room: Mailroom, done: Notice) -> None:
    joined = room.answer(f"Subject: Re: Your notice was handled ({done.id})", "Danke")
    assert joined.id == done.id
    assert len(joined.replies) == 1


def test_a_flood_of_replies_ends_in_notices_of_their_own(room: Mailroom, done: Notice) -> None:
    header = f"In-Reply-To: {room.message_id(room.sent('result'))}"
    found = [room.answer(header, f"number {number}").id for number in range(52)]
    assert found[:50] == [done.id] * 50
    assert done.id not in found[50:]
