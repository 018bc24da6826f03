"""Unread parts of a notice, and names in it that no item leads to."""

from __future__ import annotations

from collections.abc import Iterator, Sized

from goodhoster.model.notices import ReadNotice
from goodhoster.notices.reading.charsets import is_known
from goodhoster.notices.reading.documents import missing_library, text_of_document
from goodhoster.notices.reading.formats.free_text import text_of
from goodhoster.notices.reading.hosts import hosts_of
from goodhoster.notices.reading.mail import Mail, Part
from goodhoster.notices.reading.mentions import LONGEST_TEXT, MOST_NAMES, names_in, texts_within

_SIGNATURES = frozenset(
    {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
    }
)
_TEXTS = frozenset({"application/json", "application/xml", "application/pgp-encrypted", "message/delivery-status"})
_SPLIT_UP_TO = 200  # items: in a longer list names between them would be sought for nothing


def unread_parts(mail: Mail, mentions: Sized) -> Iterator[str]:
    """Parts that no program read, or not whole, described so that a person finds them."""
    if len(mentions) > MOST_NAMES:
        yield f"more than {MOST_NAMES} names in it were not compared with ours"
    for part in (*mail.parts, *mail.enclosed):
        if why := _why_unread(part):
            name = part.name or "a part without a name"
            yield f"{name} ({part.kind}): {why}"


def _why_unread(part: Part) -> str:
    if not part.content.strip() or part.kind in _SIGNATURES:
        return ""
    if len(part.content) > LONGEST_TEXT:
        return f"names were looked for in its first {LONGEST_TEXT} characters only"
    if _is_text(part):
        return "" if is_known(part.charset) or part.content.isascii() else f"unknown character set {part.charset}"
    if text_of_document(part) is not None:
        return ""
    library = missing_library(part)
    return f"install goodhoster[documents] to have it read ({library} is missing)" if library else "no program reads it"


def _is_text(part: Part) -> bool:
    """Whether a part is text by its type, or by its content.

    By content: a table, list or report that is sent as mere bytes and holds nothing but text.
    """
    if part.kind.startswith(("text/", "message/")) or part.kind in _TEXTS:
        return True
    named = part.name.lower().endswith((".csv", ".txt", ".json", ".eml", ".log", ".xml"))
    return named and b"\0" not in part.content


def mentions_in(mail: Mail, notice: ReadNotice) -> tuple[str, ...]:
    """The names in subject, texts, links and attachments that are no item's host."""
    parts = (*mail.parts, *mail.enclosed)
    texts = (text for part in parts for text in _texts_of(part))
    return _left((mail.header("Subject"), mail.between, *texts), notice, mail.own_domains)


def mentions_in_body(content: bytes, notice: ReadNotice) -> tuple[str, ...]:
    """Names in a request's body that are no item's host; see `mentions_in`."""
    return _left((content.decode("utf-8", "replace").replace("+", " "),), notice, frozenset())


def _texts_of(part: Part) -> Iterator[str]:
    """Texts of a part: as it stands, links and comments of HTML too, and its visible text."""
    yield part.name
    if _is_text(part):
        yield from texts_within(part.text)
    if part.kind == "text/html" or not _is_text(part):
        yield text_of(part)


def _left(texts: tuple[str, ...], notice: ReadNotice, own: frozenset[str]) -> tuple[str, ...]:
    hosts = {host for item in notice.items for host in hosts_of(item)}
    split = len(notice.items) < _SPLIT_UP_TO
    return tuple(name for name in names_in(texts, own, split=split) if name not in hosts)
