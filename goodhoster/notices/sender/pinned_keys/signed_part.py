"""The part of a mail that an S/MIME or OpenPGP signature covers, byte by byte.

See RFC 8551, RFC 3156. Such a signature says nothing about what stands beside the part: the mail's own headers, other
parts, text before and after. So it counts only where the part is all there is to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from goodhoster.errors import NotWholeError
from goodhoster.notices.reading.mail import Mail, head_of, take_apart

Kind = Literal["smime", "openpgp"]
_SIGNATURES: dict[str, Kind] = {
    "application/pkcs7-signature": "smime",
    "application/x-pkcs7-signature": "smime",
    "application/pgp-signature": "openpgp",
}
_OPAQUE = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_INLINE = "-----BEGIN PGP SIGNED MESSAGE-----"
_MAY_BE = re.compile(rb"pkcs7|pgp", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SignedPart:
    """A signature and the part that it claims to cover."""

    kind: Kind
    signature: bytes
    content: bytes
    """With the line ends that were signed (CRLF); empty where it is inside the signature (S/MIME, opaque)."""


def may_be_signed(raw: bytes) -> bool:
    """Whether the mail may have such a signature.

    Where it has none for certain, it needs no closer look.
    """
    return _MAY_BE.search(raw) is not None


def signed_part(raw: bytes) -> SignedPart | None:
    """Signed part that is the whole mail; None where nothing is signed so.

    NotWholeError where something else is there; UnreadableError over a limit.
    """
    mail = take_apart(raw)
    if mail.content_type in _OPAQUE and mail.message.get_param("smime-type", "signed-data") == "signed-data":
        return SignedPart("smime", _decoded(mail.message), b"")
    if mail.content_type == "multipart/signed":
        return _detached(raw, mail.message)
    _expect_nothing_signed(mail)
    return None


def _detached(raw: bytes, message: Message) -> SignedPart:
    parts = [part for part in message.get_payload() if isinstance(part, Message)] if message.is_multipart() else []
    kind = _SIGNATURES.get(str(message.get_param("protocol", "")).lower())
    if len(parts) != 2 or kind is None:  # noqa: PLR2004 - RFC 1847
        raise NotWholeError("multipart/signed that is not one part and its signature of a known kind")
    if _SIGNATURES.get(parts[1].get_content_type()) != kind:
        raise NotWholeError("the second part is not the signature that the mail announces")
    return SignedPart(kind, _decoded(parts[1]), _first_part(raw, str(message.get_boundary(""))))


def _first_part(raw: bytes, boundary: str) -> bytes:
    """First part exactly as it stands between its delimiters.

    A parser's own copy might differ from what was signed.
    """
    delimiter = rb"(?:^|\r?\n)--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    body = raw[len(head_of(raw)) :].lstrip(b"\r\n")
    pieces = re.split(delimiter, body)
    if pieces[1::2] != [None, None, b"--"]:
        raise NotWholeError("multipart/signed whose parts cannot be told apart with certainty")
    return re.sub(rb"\r?\n", b"\r\n", re.sub(rb"\A\r?\n", b"", pieces[2]))


def _expect_nothing_signed(mail: Mail) -> None:
    kinds = {part.get_content_type() for part in mail.message.walk()}
    if kinds & (_SIGNATURES.keys() | _OPAQUE | {"multipart/signed"}):
        raise NotWholeError("only a part of it is signed: what stands beside that part could be anybody's")
    if any(_INLINE in text for text in mail.texts("text/plain", "text/html")):
        raise NotWholeError("an inline OpenPGP signature does not show where it ends: PGP/MIME is needed")


def _decoded(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
