"""Letters to customers' contacts: please prove that you read this; this is a drill.

In the customer's language where we have it. A letter bears a secret, which is not kept once it was sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Letterhead, moment_text, render
from goodhoster.model.customers.contact_requests import ContactRequest, RequestKind
from goodhoster.model.customers.register import Customer
from goodhoster.model.letters import Letter, LetterKind

_KINDS = {RequestKind.DRILL: LetterKind.DRILL, RequestKind.NOTICE: LetterKind.CUSTOMER_NOTICE}
_LANGUAGES = frozenset({"en", "nl", "de"})
_BOUNCED = re.compile(r"\+([cC]\d{8}-[2-9a-zA-Z]{7,12})-([a-zA-Z2-7]{16})@")
BOUNCE = "bounce"
"""Purpose of the code in an envelope sender: whoever reads a letter does not learn it from there."""


@dataclass(frozen=True, slots=True)
class OutgoingContactLetters:
    """See `ports.ContactLetters`."""

    outbox: Outbox
    head: Letterhead
    link: str
    """Address below which the page is; empty where there is none: then a reply is asked for."""

    def send(self, request: ContactRequest, token: str, customer: Customer) -> bool:
        """See `ports.ContactLetters`."""
        link = f"{self.link.rstrip('/')}/contact/{token}" if self.link else ""
        return self.outbox.put(self._letter(request, customer, link=link))

    def remind(self, request: ContactRequest, customer: Customer) -> bool:
        """See `ports.ContactLetters`."""
        return self.outbox.put(self._letter(request, customer, reminder=True))

    def was_refused(self, request_id: str) -> bool:
        """See `ports.ContactLetters`."""
        return self.outbox.was_refused(request_id)

    def _letter(self, request: ContactRequest, customer: Customer, *, link: str = "", reminder: bool = False) -> Letter:
        name = f"{request.id}-reminder" if reminder else request.id
        kind = _KINDS.get(request.kind, LetterKind.CONTACT)
        language = customer.language if customer.language in _LANGUAGES else self.head.language
        values = {
            "id": request.id,
            "hoster": self.head.hoster,
            "customer": customer.id,
            "link": link,
            "deadline": moment_text(request.deadline),
            "reminder": reminder,
            "notice": request.notice,
            "lines": request.about.splitlines(),
        }
        subject, text = render(kind, language, values)
        sender = envelope_sender(self.head.objections, request.id, self.outbox.codes.code(request.id, BOUNCE))
        return Letter(name, kind, request.address, subject, text, limited=True, bounces_to=sender, secret=bool(link))


def envelope_sender(mailbox: str, request_id: str, code: str) -> str:
    """Address to which what cannot be delivered comes back, with a code of its own.

    Empty without a mailbox.
    """
    local, at, domain = mailbox.rpartition("@")
    return f"{local}+{request_id.lower()}-{code}@{domain}" if at else ""


def requests_reported(mailboxes: str, outbox: Outbox) -> tuple[str, ...]:
    """Requests whose envelope sender stands among these mailboxes, with the right code."""
    found = ((name[0].upper() + name[1:].lower(), code) for name, code in _BOUNCED.findall(mailboxes[:20_000]))
    return tuple(dict.fromkeys(name for name, code in found if outbox.codes.is_valid(name, code, BOUNCE)))


def requests_answered(letters: tuple[str, ...]) -> tuple[str, ...]:
    """Requests among letters of ours that a mail answers, by the letters' names."""
    named = (re.match(r"C\d{8}-[2-9a-z]{7,12}(?=-reminder\Z|\Z)", letter) for letter in letters)
    return tuple(dict.fromkeys(found[0] for found in named if found))
