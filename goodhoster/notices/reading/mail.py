"""A mail taken apart within limits: its headers, its texts, its attachments.

Python's newer mail policy needs seconds for 8 KiB of `;` in a header and ends in a RecursionError for deep nesting, so
only the old parser (compat32) is used, after the limits were seen to be kept.
"""

from __future__ import annotations

import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

from goodhoster.errors import UnreadableError

LARGEST_MAIL = 25 << 20  # bytes; five XARF evidence payloads of the largest permitted size
LARGEST_HEAD = 256 << 10  # bytes of all headers together
_MOST_HEADERS = 1000
_LONGEST_HEADER = 16 << 10
_MOST_PARTS = 500
_DEEPEST = 20
_PART = re.compile(rb"^--", re.MULTILINE)
_NESTS = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.MULTILINE | re.IGNORECASE)
_ADDRESS = re.compile(r"<([^<>\s@]{1,64}@[^<>\s@]{1,253})>|([^<>\s@,;:()\"]{1,64}@[^<>\s@,;:()\"]{1,253})")
"""Not Python's own parser of addresses: that one recurses for each bracket."""
_NO_REPLIES = frozenset({"all", "oof", "autoreply"})
"""What X-Auto-Response-Suppress says of answers like ours; its other words are about receipts."""
_CHARSETS = re.compile(r"utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d|cp125\d", re.IGNORECASE)
"""The character sets that are decoded as declared. Others are slow to decode on purpose, or not of this trade."""


def head_of(raw: bytes) -> bytes:
    """The headers of a raw message, without the empty line that ends them."""
    end = re.search(rb"\r?\n\r?\n", raw[: LARGEST_HEAD + 4])
    return raw[: end.start()] if end else raw[: LARGEST_HEAD + 1]


def within_limits(raw: bytes) -> None:
    """UnreadableError when taking this message apart could cost more than we give it."""
    head = head_of(raw)
    lines = head.split(b"\n")
    _most("the message", len(raw), LARGEST_MAIL)
    _most("its headers", len(head), LARGEST_HEAD)
    _most("the number of header lines", len(lines), _MOST_HEADERS)
    _most("a header line", max(map(len, lines)), _LONGEST_HEADER)
    _most("the number of parts", sum(1 for _ in _PART.finditer(raw)), _MOST_PARTS * 2)
    _most("the nesting of parts", sum(1 for _ in _NESTS.finditer(raw)), _DEEPEST)


def _most(what: str, found: int, limit: int) -> None:
    if found > limit:
        raise UnreadableError(f"{what}: {found}, more than {limit}")


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of a mail."""

    kind: str
    """Content type, lower case."""
    name: str
    """File name, or empty."""
    content: bytes
    charset: str

    @property
    def text(self) -> str:
        """The content as text with plain line ends; undecodable bytes are replaced, never dropped."""
        return _decoded(self.content, self.charset).replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail whose limits were kept."""

    message: Message
    parts: tuple[Part, ...]

    def header(self, name: str) -> str:
        """The first header of that name as readable text on one line; empty when there is none."""
        value = self.message.get(name)
        return "" if value is None else _readable(str(value))

    def address(self, name: str) -> str:
        """The first e-mail address in that header; empty when there is none."""
        found = _ADDRESS.search(self.header(name))
        return found[1] or found[2] if found else ""

    @property
    def date(self) -> datetime | None:
        """When the sender says it left; None where that cannot be read."""
        return moment(self.header("Date"))

    @property
    def automatic(self) -> bool:
        """Sent by a machine that wants no answer (RFC 3834, RFC 2919, MS-OXCMAIL): a bounce, an auto-reply, a list."""
        said = {str(value).lower().partition(";")[0].strip() for value in self.message.get_all("Auto-Submitted", [])}
        return (
            not said <= {"", "no"}
            or self.header("Return-Path") == "<>"
            or self.header("Precedence").lower() in {"bulk", "junk", "list", "auto_reply"}
            or self.message.get("List-Id") is not None
            or bool(_NO_REPLIES & set(re.split(r"[\s,]+", self.header("X-Auto-Response-Suppress").lower())))
            or (self.content_type == "multipart/report" and self.message.get_param("report-type") == "delivery-status")
        )

    @property
    def content_type(self) -> str:
        """Of the whole message, lower case."""
        return self.message.get_content_type()

    @property
    def feedback_type(self) -> str:
        """What a feedback report (RFC 5965) says it is, lower case; empty for other mail."""
        said = (str(part.get("Feedback-Type", "")) for part in self.message.walk())
        return next(filter(None, said), "").strip().lower()

    def texts(self, *kinds: str) -> Iterator[str]:
        """The text parts of these content types, in order."""
        yield from (part.text for part in self.parts if part.kind in kinds)


def take_apart(raw: bytes) -> Mail:
    """Read a raw message. UnreadableError over a limit, or when the parser itself gives up."""
    within_limits(raw)
    try:
        message = BytesParser(policy=email.policy.compat32).parsebytes(raw)
        return Mail(message, tuple(_part(leaf) for leaf in message.walk() if not leaf.is_multipart()))
    except (ValueError, LookupError, RecursionError, AttributeError, TypeError) as error:
        raise UnreadableError(f"no mail parser understands it: {type(error).__name__}") from error


def headers_of(raw: bytes) -> Mail:
    """The headers only, cut to the limits: for a message that must not be taken apart. Never raises."""
    lines = head_of(raw).split(b"\n")[:_MOST_HEADERS]
    head = b"\n".join(line[:_LONGEST_HEADER] for line in lines)
    return Mail(BytesParser(policy=email.policy.compat32).parsebytes(head, headersonly=True), ())


def _part(leaf: Message) -> Part:
    content = leaf.get_payload(decode=True)
    charset = str(leaf.get_content_charset("utf-8"))
    name = _readable(str(leaf.get_filename("")))
    return Part(leaf.get_content_type(), name, content if isinstance(content, bytes) else b"", charset)


def _decoded(content: bytes, charset: str) -> str:
    """As UTF-8 where it is that, whatever is declared; else as declared; else every byte as a character."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(charset if _CHARSETS.fullmatch(charset) else "latin-1", "replace")


def _readable(value: str) -> str:
    try:
        pieces = decode_header(value)
    except ValueError:
        pieces = [(value, None)]
    text = "".join(_decoded(p, c or "utf-8") if isinstance(p, bytes) else p for p, c in pieces)
    return " ".join(text.split())


def moment(text: str) -> datetime | None:
    """A date in a mail's or RFC 3339's form, as an aware time; None where it is neither. Without zone it is UTC."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = read(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
