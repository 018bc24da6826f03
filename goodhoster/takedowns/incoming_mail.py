"""Mail that comes in, before it is a notice: what answers a letter of ours is told apart.

An answer to a letter about a notice joins that notice. It is a notice of its own as well where it names anything new:
then it is believed, measured and answered like any other. What answers a letter to a customer's contact is that part's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goodhoster.customers.contacts.desk import ContactDesk, ContactMail
from goodhoster.errors import PermanentError, RefusedError, UnclearUrlError
from goodhoster.letters.contact_letters import requests_answered, requests_reported
from goodhoster.letters.outbox import Outbox
from goodhoster.locating.urls import read_url
from goodhoster.model.notice_status import Notice, Receipt, Reply
from goodhoster.model.notices import Carrier, NoticeFormat, RawNotice, ReadNotice
from goodhoster.notices.reading.acknowledgements import is_automatic
from goodhoster.notices.reading.mail import Mail, headers_of
from goodhoster.notices.spool import Spool
from goodhoster.ports import NoticeReader, NoticeStore
from goodhoster.takedowns.desk import NoticeDesk

if TYPE_CHECKING:
    from goodhoster.takedowns.mailed_appeals import MailedAppeals

_RECEIVERS = ("To", "Delivered-To", "X-Original-To", "Envelope-To")
"""Headers with the mailbox that a mail came to."""
_MOST_REPLIES = 50
"""That join one notice; what comes beyond is a notice of its own."""
_NOTICE_OF_LETTER = re.compile(r"(N\d{8}-[2-9a-z]{7,12})-")
_NOTICE_IN_SUBJECT = re.compile(r"\b(N\d{8}-[2-9a-z]{7,12})\b")


@dataclass(frozen=True, slots=True)
class IncomingMail:
    """Receiver of everything that the spool holds."""

    desk: NoticeDesk
    spool: Spool
    store: NoticeStore
    reader: NoticeReader
    outbox: Outbox
    contacts: Callable[[], ContactDesk | None] = lambda: None
    """None on a host without a register, as long as there is none."""
    appeals: Callable[[], MailedAppeals | None] = lambda: None
    """None on a host without a register, too."""

    def receive(self, receipt: Receipt) -> Notice | None:
        """Take in what was kept: the notice that it is or joins; None for appeals and contacts.

        May be called again for the same.
        """
        raw = self._raw_mail(receipt)
        if raw is None:
            return self.desk.receive(receipt)
        mail = headers_of(raw.content)
        taken, notice = self._of_customer(receipt, raw, mail)
        if taken:
            self.spool.taken(receipt.id)
            return notice
        answered = self._answered(receipt, mail)
        if answered is None or answered.id == receipt.id:
            return self.desk.receive(receipt)
        read = self.reader.read(raw)
        sender, only_reply = mail.address("From"), _only_answers(read, answered)
        reply = Reply(receipt, sender, read.opening, read.automatic, "" if only_reply else receipt.id)
        joined = self.desk.join(answered.id, reply, read)
        if not only_reply:
            return self.desk.receive(receipt)
        self.spool.taken(receipt.id)
        return joined

    def _of_customer(self, receipt: Receipt, raw: RawNotice, mail: Mail) -> tuple[bool, Notice | None]:
        """Take what a customer answers; whether it was taken, and the notice that it joined."""
        appeals, contacts = self.appeals(), self.contacts()
        if appeals and self._appealed(appeals, receipt, raw, mail):
            return True, None
        if contacts is None:
            return False, None
        about = self._about_contacts(mail, raw)
        by_program = is_automatic(mail.subject)  # an out-of-office answer says so nowhere else
        asked = None if by_program else contacts.forwarded_in(about)
        if asked and (forwarded := self._open_for(receipt, asked.notice)):
            read = about.read()
            reply = Reply(receipt, mail.address("From"), read.opening, read.automatic)
            return True, self.desk.join(forwarded.id, reply)
        return contacts.take(about), None

    def _appealed(self, appeals: MailedAppeals, receipt: Receipt, raw: RawNotice, mail: Mail) -> bool:
        from goodhoster.takedowns.mailed_appeals import AnsweringMail  # noqa: PLC0415 - only where there is a register

        letters = self._letters_answered(mail)
        return appeals.take(AnsweringMail(receipt, raw, mail, letters, lambda: self.reader.read(raw)))

    def _about_contacts(self, mail: Mail, raw: RawNotice) -> ContactMail:
        mailboxes = " ".join(text for name in _RECEIVERS for text in map(str, mail.message.get_all(name, [])))
        answers = requests_answered(self._letters_answered(mail))
        return ContactMail(answers, requests_reported(mailboxes, self.outbox), lambda: self.reader.read(raw))

    def _letters_answered(self, mail: Mail) -> tuple[str, ...]:
        return self.outbox.codes.letters_in(f"{mail.header('References')} {mail.header('In-Reply-To')}")

    def _raw_mail(self, receipt: Receipt) -> RawNotice | None:
        """The mail, where it is one that can be read: anything else is the desk's."""
        if receipt.carrier is not Carrier.MAIL:
            return None
        try:
            return self.spool.raw(receipt)
        except PermanentError:
            return None

    def _answered(self, receipt: Receipt, mail: Mail) -> Notice | None:
        """The notice that a mail answers: by our Message-ID, else by our number in the subject.

        The number is known to many; from another address than the notifier's it says nothing.
        """
        for letter in self._letters_answered(mail):
            if (named := _NOTICE_OF_LETTER.match(letter)) and (notice := self._open_for(receipt, named[1])):
                return notice
        for number in _NOTICE_IN_SUBJECT.findall(mail.header("Subject"))[:1]:
            notice = self._open_for(receipt, number)
            if notice and mail.address("From").lower() in _addresses(notice):
                return notice
        return None

    def _open_for(self, receipt: Receipt, notice_id: str) -> Notice | None:
        try:
            notice = self.store.get(notice_id)
        except RefusedError:
            return None
        joined = any(reply.receipt.id == receipt.id for reply in notice.replies)
        return notice if joined or len(notice.replies) < _MOST_REPLIES else None


def _only_answers(read: ReadNotice, notice: Notice) -> bool:
    """Whether a reply names nothing new, and no program should do more with it."""
    if read.order is not None or read.test or read.format is NoticeFormat.ARF:
        return False
    known = {_address(url) for item in notice.items for url in (item.url, *item.read.urls)}
    return all(any(_address(url) in known for url in item.urls) for item in read.items)


def _address(url: str) -> str:
    """Comparable form of a URL: our letters defang them, and answers quote our letters."""
    try:
        return read_url(url)[0].href
    except UnclearUrlError:
        return url


def _addresses(notice: Notice) -> set[str]:
    reporter = notice.read.reporter if notice.read else None
    return {reporter.address.lower(), reporter.reply_to.lower()} - {""} if reporter else set()
