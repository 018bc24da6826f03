"""Delivery reports (DSN): the fate of a mail, for each of its receivers.

RFC 3464, and RFC 6533 for addresses beyond ASCII. Only the report that a mail is, never one that is enclosed in it.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from email.message import Message

from goodhoster.model.notices import DeliveryReport

_KINDS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_MOST_RECEIVERS = 100
"""Receivers that are looked at; a letter of ours has one."""
_LARGEST_REPORT = 256 << 10
"""Characters of a report that are looked at."""
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_LAST_CODE_POINT = 0x10FFFF


def deliveries_in(message: Message) -> tuple[DeliveryReport, ...]:
    """The reports about receivers in a mail; empty where it is no delivery report."""
    if message.get_content_type() != "multipart/report" or not isinstance(parts := message.get_payload(), list):
        return ()
    reports = [part for part in parts if isinstance(part, Message) and part.get_content_type() in _KINDS]
    return tuple(_receivers(_text_of(reports[0])))[:_MOST_RECEIVERS] if len(reports) == 1 else ()


def _text_of(part: Message) -> str:
    """Text of the report, which Python's parser has taken for one message or for several."""
    inner = part.get_payload()
    messages = [one for one in inner if isinstance(one, Message)] if isinstance(inner, list) else []
    text = "\n\n".join(map(_written, messages)) or str(part.get_payload())
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    return _decoded(text.strip(), encoding)[:_LARGEST_REPORT]


def _written(message: Message) -> str:
    head = "\n".join(f"{name}: {value}" for name, value in message.raw_items())
    body = message.get_payload(decode=True)
    return f"{head}\n\n{body.decode('utf-8', 'surrogateescape') if isinstance(body, bytes) else ''}"


def _decoded(text: str, encoding: str) -> str:
    try:
        if encoding == "base64":
            return base64.b64decode(text.encode("ascii", "replace")).decode("utf-8", "replace")
        if encoding == "quoted-printable":
            return quopri.decodestring(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
    except binascii.Error:
        return ""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _receivers(text: str) -> Iterator[DeliveryReport]:
    """A report for each block of fields that names a receiver."""
    for block in re.split(r"\n[ \t\r]*\n", text.replace("\r\n", "\n")):
        fields = _fields(block)
        found = (_address(fields[name]) for name in ("final-recipient", "original-recipient") if name in fields)
        if receivers := tuple(dict.fromkeys(filter(None, found))):
            status = _STATUS.match(fields.get("status", ""))
            action = fields.get("action", "").partition("(")[0].strip().lower()
            yield DeliveryReport(receivers, action, status[1] if status else "")


def _fields(block: str) -> dict[str, str]:
    """Fields of a block by their lower-case name; of two of one name the first."""
    found: dict[str, str] = {}
    for line in re.sub(r"\n[ \t]+", " ", block).split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _address(value: str) -> str:
    """Address behind its type (`rfc822; a@b.example`), with what RFC 6533 escapes put back."""
    text = value.rpartition(";")[2].strip().strip("<>").lower()
    return _ESCAPED.sub(_unescaped, text)[:320]


def _unescaped(found: re.Match[str]) -> str:
    point = int(found[1], 16)
    return chr(point) if point <= _LAST_CODE_POINT and not 0xD800 <= point <= 0xDFFF else "\ufffd"  # noqa: PLR2004 - halves of characters
