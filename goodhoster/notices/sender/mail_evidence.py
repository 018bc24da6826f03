"""Evidence about a mail: whether it reads alike for every reader, its author, its signers.

The author is the one author.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from goodhoster.errors import UnreadableError
from goodhoster.model.notices import TrustRule
from goodhoster.notices.reading.mail import Mail, headers_of, within_limits
from goodhoster.notices.sender.dkim_signatures import Signature, header_names, signatures_of, unclear

SIGNED_ONCE = ("from", "subject", "date", "message-id", "content-type")
"""Headers that must be there once and be signed: whoever could add a second one would change what is read."""
_AUTHOR = re.compile(r"(?:[^<>,;:@]{0,200}<)?[^\s<>@,;:]{1,64}@([a-z0-9.-]{1,253})>?", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.){0,200}"')


@dataclass(frozen=True, slots=True)
class MailEvidence:
    """One raw mail as evidence."""

    raw: bytes
    mail: Mail
    author: str
    """Domain of the one author in From; empty when there is not exactly one."""
    rules: tuple[TrustRule, ...]
    """What must hold of the mail before any signature on it means something; ends with the first that failed."""
    signatures: tuple[Signature, ...]

    @property
    def sound(self) -> bool:
        """Whether its signatures may be evaluated."""
        return all(rule.passed for rule in self.rules)

    @property
    def fingerprint(self) -> bytes:
        """Fingerprint equal for every copy of the mail, whatever was done to its blanks on the way."""
        body = re.split(rb"\r?\n\r?\n", self.raw, maxsplit=1)[-1]
        words = hashlib.sha256(b" ".join(body.split())).digest()
        return hashlib.sha256(self._message_id + b"\0" + words).digest()

    @property
    def fingerprint_by_id(self) -> bytes:
        """Fingerprint equal for every copy, whatever was done to its text on the way."""
        return hashlib.sha256(b"by id\0" + self.author.encode() + b"\0" + self._message_id).digest()

    @property
    def _message_id(self) -> bytes:
        return self.mail.header("Message-ID").encode("utf-8", "replace")


def mail_evidence_of(raw: bytes) -> MailEvidence:
    """Evaluate a raw mail. Never raises: what is wrong with it is a rule that failed."""
    mail = headers_of(raw)
    author = _author(str(mail.message.get("From", "")))
    rules: list[TrustRule] = []
    for rule in _rules(raw, author):
        rules.append(rule)
        if not rule.passed:
            return MailEvidence(raw, mail, author, tuple(rules), ())
    texts = [str(text) for text in mail.message.get_all("DKIM-Signature", [])]
    return MailEvidence(raw, mail, author, tuple(rules), signatures_of(texts))


def _rules(raw: bytes, author: str) -> Iterator[TrustRule]:
    """Rules, lazily: the later ones may only be asked when the earlier ones hold."""
    problem = _over_a_limit(raw) or unclear(raw)
    yield TrustRule("mail.clear", not problem, problem or "every program reads its headers alike")
    names = header_names(raw)
    odd = [name for name in SIGNED_ONCE if names.count(name) != 1]
    yield TrustRule(
        "mail.headers-once", not odd, "not there exactly once: " + ", ".join(odd) if odd else "each is there once"
    )
    yield TrustRule("mail.one-author", bool(author), f"From names {author or 'no one or several authors'}")


def _over_a_limit(raw: bytes) -> str:
    try:
        within_limits(raw)
    except UnreadableError as error:
        return str(error)
    return ""


def _author(text: str) -> str:
    found = _AUTHOR.fullmatch(_QUOTED.sub("", " ".join(text.split())).strip())
    return found[1].lower().rstrip(".") if found else ""
