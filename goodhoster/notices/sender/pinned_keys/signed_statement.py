"""Content of a mail that is believed for its signed part.

It is that part, with as little as possible from outside of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from goodhoster.model.notices import Notifier
from goodhoster.notices.reading.formats.scart import is_test
from goodhoster.notices.reading.mail import Mail, headers_of
from goodhoster.notices.sender.domains import within
from goodhoster.notices.sender.mail_evidence import MailEvidence

_ADDRESSES = ("From", "Reply-To")
_MACHINES = ("Auto-Submitted", "Precedence", "List-Id", "X-Auto-Response-Suppress", "Return-Path")
_FOR_THE_ANSWER = ("Subject", "Date", "Message-ID", *_MACHINES)
"""They only shape our answer, which goes to the notifier's own domains, or say that none is wanted: nobody signed them.
"""


def statement(evidence: MailEvidence, content: bytes, owner: Notifier) -> bytes:
    """Build the signed part as a mail.

    Headers inside the signed part count; those outside only where there is none of that name inside, and addresses
    only of the notifier's own domains.
    """
    inside = headers_of(content)
    lines = (
        f"{name}: {value}\r\n".encode("utf-8", "replace") for name, value in _from_outside(evidence, inside, owner)
    )
    return b"".join(lines) + content


def is_trial_by_subject(evidence: MailEvidence, content: bytes) -> bool:
    """Whether an unsigned subject says that the mail is only a trial.

    Then it would suppress what is signed.
    """
    return "Subject" not in headers_of(content).message and is_test(evidence.mail.header("Subject"))


def _from_outside(evidence: MailEvidence, inside: Mail, owner: Notifier) -> Iterator[tuple[str, str]]:
    for name in (*_ADDRESSES, *_FOR_THE_ANSWER):
        value = evidence.mail.message.get(name)
        if value is None or name in inside.message:
            continue
        if name in _ADDRESSES and not within(evidence.mail.address(name).rpartition("@")[2], owner.domains):
            continue
        yield name, " ".join(str(value).split())
