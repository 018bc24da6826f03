"""Appeals by mail: answers to statements of reasons.

What carries the reference of a letter to a customer, which only its receiver can know, opens an appeal about what the
letter tells of. A statement about a notice has no reference: an answer to it opens one where it is proven to come from
the address that the statement went to. Whatever else answers a statement waits for a person, and what a machine wrote
is no appeal: also where only its subject or its words say so, such as an out-of-office answer. A later mail with
reasons joins an appeal that is not decided yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from goodhoster.customers.standing.appeals import says_something
from goodhoster.errors import RefusedError
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.customers.standing import Appeal, AppealChannel
from goodhoster.model.letters import LETTER_REFERENCE
from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import RawNotice, ReadNotice, TrustLevel
from goodhoster.notices.reading.mail import Mail
from goodhoster.notices.reading.repeated import may_be_from_program
from goodhoster.policy.contacts import same_address
from goodhoster.takedowns.desk import Believe
from goodhoster.takedowns.letter_appeals import LetterAppeals

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

    letters: LetterAppeals
    believe: Believe
    contact_of: Callable[[str], AbuseContact | None]
    """The contact that statements about notices go to."""

    def take(self, answer: AnsweringMail) -> bool:
        """Open the appeals that a mail makes; False where a person must see it another way.

        That is so for what a machine wrote or may have written, for what is not proven, and for a second mail about
        what is decided. May be called again for the same mail.
        """
        references = self._references(answer)
        statements = [letter for letter in answer.letters if self.letters.is_statement(letter)]
        if not (references or statements):
            return False
        read = answer.read()
        if read.automatic or read.deliveries or may_be_from_program(read.doubts) or not says_something(read.text):
            return False
        text = _text(answer, read)
        opened = [appeal for reference in references for appeal in self._by_reference(reference, text)]
        if not opened and statements:
            proven = partial(self._is_proven, answer)
            opened = self.letters.open(statements[0], text, AppealChannel.MAIL, proven)
        joined = [self.letters.appeals.join(one, text) for one in opened]
        return bool(joined) and all(joined)

    def _references(self, answer: AnsweringMail) -> list[str]:
        named = (found[0] for found in LETTER_REFERENCE.finditer(answer.mail.header("Subject")))
        of_letters = filter(None, map(self.letters.reference_of, answer.letters))
        return list(dict.fromkeys([*named, *of_letters]))

    def _by_reference(self, reference: str, text: str) -> Sequence[Appeal]:
        try:
            return self.letters.appeals.by_reference(reference, text, AppealChannel.MAIL)
        except RefusedError:
            return ()  # made up, or of a letter about something else than a measure

    def _is_proven(self, answer: AnsweringMail, customer: str) -> bool:
        """Whether the mail is proven to come from the address that the statement went to."""
        contact = self.contact_of(customer)
        if contact is None or not same_address(contact.address, answer.mail.address("From")):
            return False
        return self.believe(answer.receipt, answer.raw).trust.level not in _UNPROVEN


def _text(answer: AnsweringMail, read: ReadNotice) -> str:
    unread = "".join(f"\n[not read: {part}]" for part in read.unread)
    return f"From: {answer.mail.address('From')}\n\n{read.text}{unread}"[:20_000]
