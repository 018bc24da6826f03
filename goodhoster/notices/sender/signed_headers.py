"""Protection against changes to a signed mail that do not break its signature.

DKIM covers the headers that the signer chose. Another header may still change how the body is read or where the answer
goes: Content-Transfer-Encoding, Content-Disposition, Reply-To. What nobody signed of them is not read, and an encoding
that nobody signed must be the only one that the body can have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from goodhoster.notices.reading.mail import Mail, head_of

_ENCODING = "content-transfer-encoding"
_SHAPING = frozenset({_ENCODING, "content-disposition", "reply-to"})
_FIELDS = re.compile(rb"(?<=\n)(?![ \t])")
_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
_ESCAPE = re.compile(rb"=(?:[0-9A-Fa-f]{2}|[ \t]*(?:\r?\n|\Z))")
_NEEDED_ESCAPE = re.compile(rb"(?:=[89A-F][0-9A-F])+|=3D|=(?:20|09)?(?=\r?\n|\Z)")
"""What an encoder must escape: bytes beyond ASCII, the sign itself, blanks at the end of a line; and soft line ends."""
_URL_SIGNS = frozenset(b"/@")
_ESCAPED_WORD = re.compile(rb"(?<!\S)[^\s/@=]*+=[^\s/@]*+(?!\S)")
"""A word with escapes that is no part of a URL or an address."""
_NON_ASCII_ESCAPES = re.compile(rb"(?:=[89A-F][0-9A-F]){2,}")
_WRAPPED = re.compile(rb"^(?=[^\r\n]{69,75}=\r?$)[^\r\n]*[ \t=]([^\s=]*)=\r?$", re.MULTILINE)
"""A line cut where encoders cut them; its group is what stands of the word that was cut."""
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]++\r?\n)*+[A-Za-z0-9+/]*+={0,2}")
_UUENCODED = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} ", re.MULTILINE)


def without_unsigned(raw: bytes, signed: Sequence[str]) -> bytes:
    """Mail without unsigned headers that affect its reading.

    Of several with one name the lowest are signed, as many as the signature names it.
    """
    head = head_of(raw)
    left = {name: signed.count(name) for name in _SHAPING}
    if not left[_ENCODING]:
        left[_ENCODING] = 1  # it was seen to be the only one possible
    kept: list[bytes] = []
    for field in reversed(_FIELDS.split(head + b"\r\n")):
        name = field.partition(b":")[0].decode("ascii", "replace").lower()
        left[name] = left.get(name, 1) - (name in _SHAPING)
        if left[name] >= 0:
            kept.append(field)
    return b"".join(reversed(kept)).removesuffix(b"\n").removesuffix(b"\r") + raw[len(head) :]


def why_encoding_is_ambiguous(mail: Mail, raw: bytes, signed: Sequence[str]) -> str:
    """Reason why the body could have been encoded otherwise when signed; empty if it could not.

    Empty only where that is certain.
    """
    body = raw[len(head_of(raw)) :]
    if _ENCODING in signed or _has_parts(mail, body):  # a multipart has no encoding of its own
        return ""
    declared = [str(value).strip().lower() for value in mail.message.get_all(_ENCODING, [])]
    if len(declared) > 1:
        return f"{_ENCODING} is not signed and there {len(declared)} times"
    encoding = "".join(declared)
    if encoding in _IDENTITY and not _may_be_encoded(body):
        return ""
    if encoding == "quoted-printable" and _is_quoted_printable(body):
        return ""
    return f"{_ENCODING} is not signed, and the body can be read in two ways"


def _has_parts(mail: Mail, body: bytes) -> bool:
    """Whether it is a multipart whose parts begin somewhere.

    Parsers decode one without parts as any other body.
    """
    boundary = str(mail.message.get_boundary("")).encode("utf-8", "surrogateescape")
    begins = rb"^--" + re.escape(boundary) + rb"[ \t]*\r?$"
    return mail.content_type.startswith("multipart/") and bool(boundary and re.search(begins, body, re.MULTILINE))


def _may_be_encoded(body: bytes) -> bool:
    return bool(_ESCAPE.search(body) or _UUENCODED.search(body) or (body.strip() and _BASE64.fullmatch(body.strip())))


def _is_quoted_printable(body: bytes) -> bool:
    if b"=" not in body:
        return not _may_be_encoded(body)
    return (
        not body.strip(b"\t\r\n").translate(None, _PRINTABLE)
        and b"=" not in _NEEDED_ESCAPE.sub(b"", body)
        and _is_not_plain_text(body)
    )


def _is_not_plain_text(body: bytes) -> bool:
    """Whether nobody can have meant this body as it stands.

    It has letters beyond ASCII as an encoder writes them, or a line cut where encoders cut them. What looks so in a
    URL proves nothing: `?a=C3=A9` may be its own text.
    """
    if any(not _URL_SIGNS.intersection(cut[1]) for cut in _WRAPPED.finditer(body)):
        return True
    words = (word[0] for word in _ESCAPED_WORD.finditer(body))
    return any(_is_utf8(escapes[0]) for word in words for escapes in _NON_ASCII_ESCAPES.finditer(word))


def _is_utf8(escapes: bytes) -> bool:
    try:
        bytes.fromhex(escapes.replace(b"=", b"").decode("ascii")).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


_PRINTABLE = bytes([9, 10, 13, *range(32, 127)])
