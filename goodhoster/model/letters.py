"""What we write to notifiers, customers and those who keep hash sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

LETTER_REFERENCE = re.compile(r"\bGH-([2-9a-hj-km-np-z]{12})\b")
"""The reference of a letter to a customer, as its subject has it in brackets; the group is the letter's own part."""


class LetterKind(StrEnum):
    """Why a letter is written."""

    RECEIPT = "receipt"
    """We have it (DSA Art. 16(4))."""
    RESULT = "result"
    """What was done about each URL (DSA Art. 16(5) and (6))."""
    STATEMENT = "statement"
    """To the customer: what was done, why, and how to object (DSA Art. 17)."""
    FORWARD = "forward"
    """A notice of the public, handed on to the hotline."""
    EXEMPT = "exempt"
    """To whoever keeps a hash source: it knows a content that is exempt here."""
    OFFLINE = "offline"
    """To the customer: files that a hash source knows went offline (DSA Art. 17)."""
    RESTORED = "restored"
    """To the customer: files that had gone offline, of which it was told, are back in their place."""
    MEASURE = "measure"
    """To the customer: a step of the ladder is announced, taken or ended (DSA Art. 17)."""
    SUSPENSION = "suspension"
    """To the customer: a person suspended a site, an account or a network, or lifted that (DSA Art. 17)."""
    APPEAL = "appeal"
    """To the customer: the appeal is received or decided (DSA Art. 20)."""
    MISTAKE = "mistake"
    """To whoever keeps a hash source: a person found a match of theirs to be wrong."""
    CONTACT = "contact"
    """To a customer's contact: please prove that somebody reads here."""
    DRILL = "drill"
    """To a customer's contact: a test notice, to be answered in time."""
    CUSTOMER_NOTICE = "customer-notice"
    """To a customer's contact: a notice about a server of its own, to be acted on in time."""
    REPORT = "report"
    """To our own people: the figures of a month."""
    PAGE = "page"
    """To our own people: somebody must look."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that is to be sent once."""

    id: str
    """Sent once under this name, which begins its Message-ID, too: a second sending after a crash can be told from a
    second letter.
    """
    kind: LetterKind
    to: str
    subject: str
    text: str
    in_reply_to: str = ""
    """Message-ID of what is answered."""
    limited: bool = False
    """Counts against the limit for each receiver: for whoever is not a proven notifier."""
    unproven: bool = False
    """Anybody may have caused it in its receiver's name: such letters have a smaller limit, and use up no other."""
    code: str = ""
    """What follows the name in its Message-ID, so that nobody can make up an answer to it."""
    bounces_to: str = ""
    """Envelope sender; empty: what cannot be delivered comes back to nobody."""
    sent_at: str = ""
    """Of a letter to a contact: when the mail server took it, or refused it for good (ISO 8601)."""
    secret: bool = False
    """Its text is not kept once it was sent: whoever reads it may act in its receiver's name."""
    refused: str = ""
    """Why no mail server takes it; empty where that was not so."""
