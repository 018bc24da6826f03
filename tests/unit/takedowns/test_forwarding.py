"""Notices about servers of customers' own: forwarded, reminded of, answered or led on, and never said to be gone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from goodhoster.model.customers.contact_requests import RequestKind
from goodhoster.model.notice_status import ItemState, Notice, NoticeState, Sight
from goodhoster.model.notices import Carrier, RawNotice, TrustLevel
from goodhoster.notices.spool import Arrived
from goodhoster.takedowns.incoming_mail import IncomingMail
from tests.unit.customers.test_contacts import House
from tests.unit.takedowns.test_desk import EVA, NOON, Reader, Services

URL = "http://anna.example/x.jpg"


class Hoster:
    """A notice desk and a contact desk with one outbox; anna has a server of her own."""

    def __init__(self, folder: Path, mode: str = "enforce", *, proven: bool = True) -> None:
        self.services, self.house = Services(folder, mode), House(folder)
        self.services.outbox = self.house.outbox
        self.services.contacts = self.house.desk
        self.services.own_servers = {"anna.example": "192.0.2.7"}
        self.house.clock = self.services.clock  # type: ignore[method-assign]
        for parts in (self.house.desk._parts,):
            object.__setattr__(parts, "clock", self.services.clock)
        if proven:
            self.house.desk.ask("anna", RequestKind.VERIFY, "eva")
            assert self.house.answer("YES")
        self.incoming = IncomingMail(
            self.services.desk,
            self.services.spool,
            self.services.store,
            Reader(),
            self.house.outbox,
            lambda: self.house.desk,
        )

    def letters(self) -> list[str]:
        self.house.outbox.deliver(self.house.mailer)
        return [letter.kind for letter in self.house.mailer.sent if letter.kind == "customer-notice"]

    def reply(
        self, text: str, headers: str = "", sender: str = "eva@client.example", subject: str = "Re: x"
    ) -> Notice | None:
        letter = next(one for one in self.house.mailer.sent if one.kind == "customer-notice")
        answered = f"In-Reply-To: <{letter.id}.{letter.code}@hoster.example>"
        mail = f"From: {sender}\nTo: abuse@hoster.example\nSubject: {subject}\n{answered}\n{headers}\n{text}\n"
        receipt = self.services.desk.keep(RawNotice(Carrier.MAIL, mail.encode()), Arrived(sender))
        self.incoming.receive(receipt)
        found = self.incoming.receive(receipt)  # as after a crash
        assert not list(self.services.spool.waiting())
        return found

    def later(self, **span: float) -> None:
        self.services.later(**span)
        self.house.desk.process_due()
        for notice_id in self.services.desk.due():
            self.services.desk.look_after(notice_id)

    def close(self) -> None:
        self.services.close()
        self.house.record.close()


@pytest.fixture
def hoster(tmp_path: Path) -> Iterator[Hoster]:
    hoster = Hoster(tmp_path)
    yield hoster
    hoster.close()


def test_a_proven_notice_goes_to_the_proven_contact_with_a_deadline(hoster: Hoster) -> None:
    notice = hoster.services.scart(URL, "http://anna.example/y.jpg")
    assert [item.state for item in notice.items] == [ItemState.FORWARDED] * 2
    assert (notice.state, notice.stopped_at) == (NoticeState.OPEN, None)
    assert hoster.letters() == ["customer-notice"]
    letter = hoster.house.mailer.sent[-1]
    assert letter.to == "Eva@client.example"
    assert "hxxp://anna[.]example/x[.]jpg" in letter.text
    assert "http://" not in letter.text
    assert "2026-03-03 00:00" in letter.subject
    kinds = [entry.event.kind for entry in hoster.services.audit.entries()]
    assert kinds.count("item.forwarded") == 2
    again = hoster.services.desk.look_after(notice.id)
    assert again.items == notice.items
    assert hoster.letters() == ["customer-notice"]


def test_what_the_notifier_is_told_is_no_removal(hoster: Hoster) -> None:
    notice = hoster.services.scart(URL)
    letter = hoster.services.desk._parts.letters.answer(notice)
    assert letter
    assert "not settled yet" in letter.subject
    assert "On a server of a customer's own: the customer was told to act; not seen to be gone yet" in letter.text
    assert "Taken offline" not in letter.text
    assert notice.items[0].state.answer_code == "pending"


@pytest.mark.parametrize("subject", ["Automatic reply: x", "Abwesenheitsnotiz: x", "Re: Out of office: x"])
def test_an_out_of_office_answer_is_no_answer_and_a_person_sees_it(hoster: Hoster, subject: str) -> None:
    notice = hoster.services.scart(URL)
    hoster.letters()
    kept = hoster.reply("Back on Monday.", subject=subject)
    assert kept
    assert (kept.id != notice.id, kept.state) == (True, NoticeState.NEEDS_PERSON)
    (request,) = (one for one in hoster.house.desk.requests("anna") if one.kind is RequestKind.NOTICE)
    assert request.answered_at is None
    joined = hoster.reply("Thank you for your message. We removed it.")
    assert joined
    assert joined.id == notice.id


def test_its_answer_joins_and_a_person_closes(hoster: Hoster) -> None:
    notice = hoster.services.scart(URL)
    hoster.letters()
    joined = hoster.reply("We removed the account, thank you.")
    assert joined
    assert (joined.id, [reply.opening for reply in joined.replies]) == (
        notice.id,
        ["We removed the account, thank you."],
    )
    assert (joined.items[0].state, joined.state) == (ItemState.HELD, NoticeState.NEEDS_PERSON)
    assert "customer anna answered" in joined.items[0].reason
    assert joined.stopped_at is None
    closed = hoster.services.desk.confirm(notice.id, EVA)
    assert (closed.items[0].state, closed.state) == (ItemState.INACCESSIBLE, NoticeState.DONE)
    assert hoster.letters() == ["customer-notice"]


def test_a_person_who_closed_too_early_sees_it_again(hoster: Hoster) -> None:
    notice = hoster.services.scart(URL)
    hoster.letters()
    hoster.reply("Done.")
    hoster.services.outside.sights[URL] = Sight.THERE
    hoster.services.desk.confirm(notice.id, EVA)
    hoster.later(minutes=10)
    assert hoster.services.store.get(notice.id).items[0].state is ItemState.REOPENED


@pytest.mark.parametrize("header", ["Auto-Submitted: auto-replied\n", "Precedence: bulk\n"])
def test_a_machines_reply_is_no_answer(hoster: Hoster, header: str) -> None:
    notice = hoster.services.scart(URL)
    hoster.letters()
    hoster.reply("I am on holiday.", header)
    assert hoster.services.store.get(notice.id).items[0].state is ItemState.FORWARDED
    (asked,) = (one for one in hoster.house.desk.requests("anna") if one.kind is RequestKind.NOTICE)
    assert (asked.answered_at, asked.auto_replied_at) == (None, NOON)


def test_it_is_reminded_once_and_silence_is_a_persons(hoster: Hoster) -> None:
    notice = hoster.services.scart(URL)
    hoster.letters()
    for hours in (5, 2, 2):
        hoster.later(hours=hours)
    assert hoster.letters() == ["customer-notice", "customer-notice"]
    assert "herinnering" in hoster.house.mailer.sent[-1].subject
    assert "hxxp://anna[.]example" in hoster.house.mailer.sent[-1].text
    hoster.later(hours=4)
    silent = hoster.services.store.get(notice.id)
    assert (silent.items[0].state, silent.state) == (ItemState.HELD, NoticeState.NEEDS_PERSON)
    assert "did not answer by 2026-03-03 00:00 UTC" in silent.items[0].reason
    assert "customers suspend 192.0.2.7/32 --panel network" in silent.items[0].reason
    assert any("did not answer" in subject for subject, _ in hoster.services.pager.pages)
    assert hoster.reply("Late, but done.")
    assert len(hoster.services.store.get(notice.id).replies) == 1


def test_a_letter_that_comes_back_is_a_persons(hoster: Hoster) -> None:
    notice = hoster.services.scart(URL)
    (request,) = (one for one in hoster.house.desk.requests("anna") if one.kind is RequestKind.NOTICE)
    hoster.house.store.fail(request.id, NOON, "a letter came back: 5.1.1")
    hoster.later(minutes=10)
    assert "was not delivered: a letter came back: 5.1.1" in hoster.services.store.get(notice.id).items[0].reason


def test_an_unproven_contact_is_not_written_to(tmp_path: Path) -> None:
    hoster = Hoster(tmp_path, proven=False)
    notice = hoster.services.scart(URL)
    assert notice.items[0].state is ItemState.HELD
    assert "the contact of anna is not proven (unchecked)" in notice.items[0].reason
    assert hoster.letters() == []
    hoster.close()


def test_an_unproven_notice_is_forwarded_when_a_person_confirms_it(hoster: Hoster) -> None:
    hoster.services.level = TrustLevel.UNAUTHENTICATED
    notice = hoster.services.scart(URL)
    assert (notice.items[0].state, hoster.letters()) == (ItemState.HELD, [])
    confirmed = hoster.services.desk.confirm(notice.id, EVA)
    assert (confirmed.items[0].state, hoster.letters()) == (ItemState.FORWARDED, ["customer-notice"])


def test_a_dismissal_ends_it(hoster: Hoster) -> None:
    notice = hoster.services.scart(URL)
    after = hoster.services.desk.dismiss(notice.id, EVA)
    assert (after.items[0].state, after.state) == (ItemState.DISPUTED, NoticeState.DONE)


def test_observe_writes_to_nobody(tmp_path: Path) -> None:
    hoster = Hoster(tmp_path, "observe")
    notice = hoster.services.scart(URL)
    assert (notice.items[0].state, hoster.letters()) == (ItemState.OBSERVED, [])
    assert "would be forwarded" in notice.items[0].reason
    hoster.close()


def test_a_notice_whose_deadline_is_near_is_not_left_to_the_customer(hoster: Hoster) -> None:
    hoster.services.keys_down = True
    notice = hoster.services.scart(URL)
    assert notice.deadline
    hoster.services.now = notice.deadline - timedelta(minutes=5)
    hoster.services.keys_down = False
    late = hoster.services.desk.look_after(notice.id)
    assert "no time: reach the customer yourself" in late.items[0].reason
    assert hoster.letters() == []
