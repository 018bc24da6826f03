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
_PROOF = re.compile(rb"=[89A-F][0-9A-F]|^[^\r\n]{69,75}=\r?$", re.MULTILINE)
"""Not in a text that was meant as it stands: bytes beyond ASCII, or a line cut where encoders cut them."""
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{1,76}\r?\n)*[A-Za-z0-9+/]{1,76}={0,2}\s*")


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


def why_encoding_is_open(mail: Mail, raw: bytes, signed: Sequence[str]) -> str:
    """Reason why the body could have been encoded otherwise when signed; empty if it could not.

    Empty only where that is certain.
    """
    if _ENCODING in signed or mail.content_type.startswith("multipart/"):  # which has no encoding of its own
        return ""
    declared = [str(value).partition("(")[0].strip().lower() for value in mail.message.get_all(_ENCODING, [])]
    if len(declared) > 1:
        return f"{_ENCODING} is not signed and there {len(declared)} times"
    encoding, body = "".join(declared), raw[len(head_of(raw)) :]
    if encoding in _IDENTITY and not _ESCAPE.search(body):
        return ""
    if encoding == "quoted-printable" and _is_quoted_printable(body):
        return ""
    if encoding == "base64" and _BASE64.fullmatch(body.strip()):
        return ""
    return f"{_ENCODING} is not signed, and the body can be read in two ways"


def _is_quoted_printable(body: bytes) -> bool:
    if b"=" not in body:
        return True
    return (
        not body.strip(b"\t\r\n").translate(None, _PRINTABLE)
        and b"=" not in _NEEDED_ESCAPE.sub(b"", body)
        and (_PROOF.search(body) is not None)
    )


_PRINTABLE = bytes([9, 10, 13, *range(32, 127)])
