"""Appeals by mail: answers to statements of reasons.

What carries the reference of a letter to a customer, which only its receiver can know, opens an appeal about what the
letter tells of. A statement about a notice has no reference: an answer to it opens one where it is proven to come from
the address that the statement went to. Whatever else answers a statement waits for a person, and what a machine wrote
is no appeal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from goodhoster.customers.standing.appeals import AppealDesk
from goodhoster.customers.standing.facts import case_subject
from goodhoster.errors import RefusedError
from goodhoster.letters.texts import plain_name
from goodhoster.model.cases import CaseState
from goodhoster.model.customers.contacts import Contact
from goodhoster.model.customers.standing import Appeal, AppealChannel, AppealState
from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import RawNotice, ReadNotice, TrustLevel
from goodhoster.notices.reading.mail import Mail
from goodhoster.policy.contacts import same_address
from goodhoster.ports import CaseStore, NoticeStore
from goodhoster.takedowns.desk import Believe

_REFERENCE = re.compile(r"\bGH-[2-9a-hj-km-np-z]{12}\b")
_OF_CUSTOMER = re.compile(r"\d{8}-([2-9a-hj-km-np-z]{12})")
"""The name of a letter to a customer: its reference is in it."""
_OF_STATEMENT = re.compile(r"(N\d{8}-[2-9a-z]{7,12})-statement-(.+)")
_UNPROVEN = frozenset({TrustLevel.UNAUTHENTICATED})


@dataclass(frozen=True, slots=True)
class AnsweringMail:
    """A mail that may answer a letter to a customer."""

    receipt: Receipt
    raw: RawNotice
    mail: Mail
    letters: tuple[str, ...]
    """Letters of ours whose Message-ID, with its code, stands in it."""
    read: Callable[[], ReadNotice]


@dataclass(frozen=True, slots=True)
class MailedAppeals:
    """Receiver of appeals by mail."""

    appeals: AppealDesk
    cases: CaseStore
    notices: NoticeStore
    believe: Believe
    contact_of: Callable[[str], Contact | None]
    """The contact that statements about notices go to."""

    def take(self, answer: AnsweringMail) -> bool:
        """Open the appeals that a mail makes; False where a person must see it another way.

        That is so for what a machine wrote, for what is not proven, and for a second mail about the same. May be
        called again for the same mail.
        """
        references = self._references(answer)
        statements = [found for letter in answer.letters if (found := _OF_STATEMENT.fullmatch(letter))]
        if not (references or statements):
            return False
        read = answer.read()
        if read.automatic or read.deliveries or not read.text.strip():
            return False
        text = _text(answer, read)
        opened = [appeal for reference in references for appeal in self._by_reference(reference, text)]
        if not opened and statements:
            opened = list(self._by_statement(answer, statements[0], text))
        return bool(opened) and all(one.state is AppealState.OPEN and one.text == text for one in opened)

    @staticmethod
    def _references(answer: AnsweringMail) -> list[str]:
        named = _REFERENCE.findall(answer.mail.header("Subject"))
        of_letters = [f"GH-{found[1]}" for letter in answer.letters if (found := _OF_CUSTOMER.fullmatch(letter))]
        return list(dict.fromkeys([*named, *of_letters]))

    def _by_reference(self, reference: str, text: str) -> Sequence[Appeal]:
        try:
            return self.appeals.by_reference(reference, text, AppealChannel.MAIL)
        except RefusedError:
            return ()  # made up, or of a letter about something else than a measure

    def _by_statement(self, answer: AnsweringMail, statement: re.Match[str], text: str) -> Iterator[Appeal]:
        """Appeals about the files of a notice at the customer whom its statement went to."""
        try:
            notice = self.notices.get(statement[1])
        except RefusedError:
            return
        ids = [case_id for item in notice.items for case_id in item.cases]
        taken = [case for case in self.cases.get_all(ids) if case.notice == notice.id]
        for customer in dict.fromkeys(case.upload.customer for case in taken):
            if plain_name(customer) != statement[2] or not self._is_proven(answer, customer):
                continue
            for case in taken:
                if case.upload.customer == customer and case.state is CaseState.OFFLINE:
                    yield self.appeals.about(case_subject(case.id), customer, text, AppealChannel.MAIL)

    def _is_proven(self, answer: AnsweringMail, customer: str) -> bool:
        """Whether the mail is proven to come from the address that the statement went to."""
        contact = self.contact_of(customer)
        if contact is None or not same_address(contact.address, answer.mail.address("From")):
            return False
        return self.believe(answer.receipt, answer.raw).trust.level not in _UNPROVEN


def _text(answer: AnsweringMail, read: ReadNotice) -> str:
    unread = "".join(f"\n[not read: {part}]" for part in read.unread)
    return f"From: {answer.mail.address('From')}\n\n{read.text}{unread}"[:20_000]
