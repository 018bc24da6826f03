"""Mail parsed within limits: its headers, its texts, its attachments.

Python's newer mail policy needs seconds for 8 KiB of `;` in a header and ends in a RecursionError for deep nesting, so
only the old parser (compat32) is used, after the limits were seen to be kept.
"""

from __future__ import annotations

import email.policy
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import collapse_rfc2231_value, parsedate_to_datetime

from goodhoster.errors import UnreadableError
from goodhoster.notices.reading.charsets import decoded

LARGEST_MAIL = 25 << 20  # bytes; five XARF evidence payloads of the largest permitted size
LARGEST_HEAD = 256 << 10  # bytes of all headers together
_MOST_HEADERS = 1000
_LONGEST_HEADER = 16 << 10
_MOST_PARTS = 500
_DEEPEST = 20
_PART = re.compile(rb"^--", re.MULTILINE)
_NESTS = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.MULTILINE | re.IGNORECASE)
_IN_ADDRESS = r"[^<>\s@,;:()\"]"
_ADDRESS = re.compile(
    r"<([^<>\s@]{1,64}@[^<>\s@]{1,253})>"
    rf"|(?<!{_IN_ADDRESS})({_IN_ADDRESS}{{1,64}}@{_IN_ADDRESS}{{1,253}})(?!{_IN_ADDRESS})"
)
"""Not Python's own parser of addresses: that one recurses for each bracket. The end of a name that is too long would be
somebody else's address.
"""
_NOT_HERE = frozenset({"message/partial", "message/external-body"})
_ABOUT_SENDING = re.compile(
    r"(?:from|to|cc|bcc|date|sender|reply-to|return-path|message-id|in-reply-to|references|delivered-to|received.*"
    r"|mime-version|authentication-results|errors-to|precedence|auto-submitted|user-agent"
    r"|(?:x|arc|list|dkim|resent|domainkey|thread)-.*)$",
    re.IGNORECASE,
)
"""Headers of a mail that name the servers and mailboxes on its way."""
_MOST_PARAMETERS = 50
_NO_REPLIES = frozenset({"all", "oof", "autoreply"})
"""What X-Auto-Response-Suppress says of answers like ours; its other words are about receipts."""


def head_of(raw: bytes) -> bytes:
    """The headers of a raw message, without the empty line that ends them."""
    end = re.search(rb"\r?\n\r?\n", raw[: LARGEST_HEAD + 4])
    return raw[: end.start()] if end else raw[: LARGEST_HEAD + 1]


def within_limits(raw: bytes) -> None:
    """Check that parsing this message cannot cost more than allowed.

    UnreadableError when it could.
    """
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
    group: int = 0
    """The same for parts that say the same in different forms (multipart/alternative); 0 for all others."""
    attached: bool = False
    flowed: bool = False
    """Lines that end with a blank go on on the next (RFC 3676)."""
    delsp: bool = False
    """And that blank is not part of the text."""
    signature: bool = False
    """Whether it stands where a multipart/signed has its signature."""

    @property
    def text(self) -> str:
        """The content as text with plain line ends; undecodable bytes are replaced, never dropped."""
        text = decoded(self.content, self.charset).replace("\r\n", "\n")
        return unflowed(text, delsp=self.delsp) if self.flowed else text


@dataclass(frozen=True, slots=True)
class Mail:
    """Parsed mail that is within the limits."""

    message: Message
    parts: tuple[Part, ...]
    enclosed: tuple[Part, ...] = ()
    """Leaves of mails that are enclosed in this one: said by others, and only passed on here."""
    between: str = ""
    """What stands before, between and behind the parts and in their headers, where one program shows it and another
    does not.
    """

    def header(self, name: str) -> str:
        """The first header of that name as readable text on one line; empty when there is none."""
        value = self.message.get(name)
        return "" if value is None else _readable(str(value))

    @property
    def subject(self) -> str:
        """The subject, also where its sender wrote it in plain UTF-8 (RFC 6532)."""
        written = next((text for name, text in self.message.raw_items() if name.lower() == "subject"), "")
        return _readable(decoded(str(written).encode("utf-8", "surrogateescape"), "utf-8"))

    def address(self, name: str) -> str:
        """The first e-mail address in that header; empty when there is none."""
        found = _ADDRESS.search(self.header(name))
        return found[1] or found[2] if found else ""

    @property
    def date(self) -> datetime | None:
        """Time of sending by the sender's statement; None where that cannot be read."""
        return moment(self.header("Date"))

    @property
    def automatic(self) -> bool:
        """Whether a machine sent it that wants no answer: a bounce, an auto-reply, a list.

        See RFC 3834, RFC 2919, MS-OXCMAIL.
        """
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
        """Content type of the whole message, lower case."""
        return self.message.get_content_type()

    @property
    def feedback_type(self) -> str:
        """Type of a feedback report (RFC 5965), lower case; empty for other mail."""
        said = (str(part.get("Feedback-Type", "")) for part in self.message.walk())
        return next(filter(None, said), "").strip().lower()

    def texts(self, *kinds: str) -> Iterator[str]:
        """The text parts of these content types, in order."""
        yield from (part.text for part in self.parts if part.kind in kinds)

    def bodies(self) -> Iterator[tuple[Part, ...]]:
        """Parts in order; those that say the same in different forms grouped."""
        for _, parts in itertools.groupby(self.parts, key=lambda part: part.group or -id(part)):
            yield tuple(parts)

    @property
    def own_domains(self) -> frozenset[str]:
        """The domains of the mailboxes that it was sent to: the hoster's own."""
        names = ("To", "Cc", "Delivered-To", "X-Original-To")
        found = _ADDRESS.findall(" ".join(self.header(name) for name in names))
        return frozenset((one or other).rpartition("@")[2].lower() for one, other in found)


def take_apart(raw: bytes) -> Mail:
    """Parse a raw message. UnreadableError over a limit, or when the parser itself fails."""
    within_limits(raw)
    try:
        message = BytesParser(policy=email.policy.compat32).parsebytes(raw)
        return _mail(message)
    except (ValueError, LookupError, RecursionError, AttributeError, TypeError) as error:
        raise UnreadableError(f"no mail parser understands it: {type(error).__name__}") from error


def headers_of(raw: bytes) -> Mail:
    """Headers only, cut to the limits, for a message that must not be parsed. Never raises."""
    lines = head_of(raw).split(b"\n")[:_MOST_HEADERS]
    head = b"\n".join(line[:_LONGEST_HEADER] for line in lines)
    return Mail(BytesParser(policy=email.policy.compat32).parsebytes(head, headersonly=True), ())


def _mail(message: Message) -> Mail:
    between: list[str] = []
    leaves = list(_leaves(message, between))
    own = tuple(part for part, enclosed in leaves if not enclosed)
    return Mail(message, own, tuple(part for part, enclosed in leaves if enclosed), "\n".join(between))


def _leaves(  # noqa: PLR0913 - what is known of a part from those around it
    message: Message, between: list[str], group: int = 0, *, enclosed: bool = False, within: str = ""
) -> Iterator[tuple[Part, bool]]:
    """Every leaf part, and whether it belongs to an enclosed mail.

    What stands beside the parts is added to *between*. The parser that made the message was bounded in depth.
    """
    between += _header_texts(message, within)
    between += (str(text) for text in (message.preamble, message.epilogue) if text and text.strip())
    kind = message.get_content_type()
    if kind in _NOT_HERE:
        yield replace(_part(message, group), content=b""), enclosed
    if not message.is_multipart():
        yield from _leaf(message, between, group, enclosed=enclosed)
        return
    group = id(message) if kind == "multipart/alternative" else group
    enclosed = enclosed or kind in {"message/rfc822", "message/global"}
    for place, part in enumerate(message.get_payload()):
        if isinstance(part, Message):
            leaves = _leaves(part, between, group, enclosed=enclosed, within=kind)
            signs = kind == "multipart/signed" and place == 1 and not part.is_multipart()
            yield from ((replace(leaf, signature=signs), passed_on) for leaf, passed_on in leaves)


def _header_texts(message: Message, within: str) -> Iterator[str]:
    """Text in the headers of a part, with their parameters.

    Of mails, those that say how it was sent are left out; what a report or a piece of a mail begins with looks like
    headers, and is its text.
    """
    is_mail = not within or within in {"message/rfc822", "message/global"}
    for name, value in message.items():
        if name.lower().startswith("content-"):
            yield _readable(str(value))
            if str(value).count(";") < _MOST_PARAMETERS:  # Python joins them in quadratic time
                yield from (_parameter(text) for _, text in message.get_params([], header=name))
        elif not is_mail or (within and not _ABOUT_SENDING.match(name)):
            yield f"{name}:{_readable(str(value))}"


def _parameter(value: str | tuple[str | None, str | None, str]) -> str:
    return _readable(value if isinstance(value, str) else collapse_rfc2231_value(value))


def _leaf(leaf: Message, between: list[str], group: int, *, enclosed: bool) -> Iterator[tuple[Part, bool]]:
    """The part, or the parts of a mail that is encoded as one (in base64, or as a file)."""
    part = _part(leaf, group)
    if part.kind == "message/rfc822" or (part.name.lower().endswith(".eml") and _is_mail(part.content)):
        within_limits(part.content)
        inner = BytesParser(policy=email.policy.compat32).parsebytes(part.content)
        yield from _leaves(inner, between, enclosed=True, within="message/rfc822")  # each is smaller by a quarter
        return
    yield part, enclosed


def _is_mail(content: bytes) -> bool:
    return re.match(rb"(?:[A-Za-z][A-Za-z0-9-]{0,60}:[^\n]{0,2000}\n)", content) is not None


def _part(leaf: Message, group: int) -> Part:
    content = leaf.get_payload(decode=True)
    return Part(
        kind=leaf.get_content_type(),
        name=_readable(str(leaf.get_filename(""))),
        content=content if isinstance(content, bytes) else b"",
        charset=str(leaf.get_content_charset("utf-8")),
        group=group,
        attached=leaf.get_content_disposition() == "attachment",
        flowed=str(leaf.get_param("format", "")).lower() == "flowed" and leaf.get_content_type() == "text/plain",
        delsp=str(leaf.get_param("delsp", "")).lower() == "yes",
    )


def unflowed(text: str, *, delsp: bool) -> str:
    """Join the lines of a text that are only wrapped (RFC 3676).

    A line that ends with a blank continues on the next.
    """
    lines: list[str] = []
    goes_on, before = False, 0
    for written in text.split("\n"):
        line = written.lstrip(">")
        depth = len(written) - len(line)
        line = line.removeprefix(" ")
        if goes_on and depth == before:
            lines[-1] += line
        else:
            lines.append(">" * depth + (" " if depth else "") + line)
        goes_on = line.endswith(" ") and line != "-- "
        if goes_on and delsp:
            lines[-1] = lines[-1][:-1]
        before = depth
    return "\n".join(lines)


def _readable(value: str) -> str:
    try:
        pieces = decode_header(value)
    except (ValueError, HeaderParseError):  # HeaderParseError is no ValueError: base64 of an impossible length
        pieces = [(value, None)]
    text = "".join(decoded(p, c or "utf-8") if isinstance(p, bytes) else p for p, c in pieces)
    return " ".join(text.split())


def moment(text: str) -> datetime | None:
    """Parse a date in a mail's or RFC 3339's form to an aware time.

    None where it is neither. Without a time zone it is UTC.
    """
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = read(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
