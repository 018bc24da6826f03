"""A forwarder that seals the mails it forwards (ARC, RFC 8617): for tests of trust.

Written without the library that checks such seals.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from goodhoster.testing.signed_mail import MailSigner

SIGNED = ("From", "Subject", "Date", "Message-ID", "Content-Type")
_SET = ("ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal")


@dataclass(frozen=True, slots=True)
class ArcSet:
    """The headers that a forwarder writes.

    The defaults are an honest and careful one's first set.
    """

    results: str = "dkim=pass header.d=hotline.example"
    instance: int = 1
    verdict: str = "none"
    """cv=: what it says of the chain before it; `pass` or `fail` where there was one."""
    headers: tuple[str, ...] = SIGNED
    more: str = ""
    """Further tags of its message signature, such as `l=10; `."""


def sealed(signer: MailSigner, raw: bytes, written: ArcSet = ArcSet()) -> bytes:
    """The mail with one more set on top; `signer` has an RSA key."""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = [line.split(":", 1) for line in re.sub(r"\r\n(?=[ \t])", "", head.decode()).split("\r\n")]
    tags = f"i={written.instance}; a=rsa-sha256; d={signer.domain}; s={signer.selector}; "
    results = f"i={written.instance}; mx.{signer.domain}; {written.results}"
    names = ":".join(name.lower() for name in written.headers)
    digest = base64.b64encode(hashlib.sha256(_relaxed(body)).digest()).decode()
    message = f"{tags}c=relaxed/relaxed; h={names}; {written.more}bh={digest}; b="
    covered = [next((field for field in fields if field[0].lower() == name.lower()), None) for name in written.headers]
    message += signer.signature(_lines([*filter(None, covered), [_SET[1], message]]))
    older = [
        next(field for field in fields if field[0] == name and field[1].strip().startswith(f"i={number};"))
        for number in range(1, written.instance)
        for name in _SET
    ]
    seal = f"{tags}cv={written.verdict}; b="
    seal += signer.signature(_lines([*older, [_SET[0], results], [_SET[1], message], [_SET[2], seal]]))
    lines = "".join(f"{name}: {value}\r\n" for name, value in zip(_SET[::-1], (seal, message, results), strict=True))
    return lines.encode() + raw


def _lines(fields: list[list[str]]) -> bytes:
    """Headers as they are hashed (RFC 6376, 3.4.2), the last one without its end."""
    return "\r\n".join(f"{name.lower()}:{' '.join(value.split())}" for name, value in fields).encode()


def _relaxed(body: bytes) -> bytes:
    """A body as it is hashed (RFC 6376, 3.4.4)."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    return b"\r\n".join(lines).rstrip(b"\r\n") + b"\r\n"
