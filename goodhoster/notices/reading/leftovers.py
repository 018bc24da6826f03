"""Unread parts of a notice, and names in it that no item leads to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from goodhoster.model.notices import ReadNotice
from goodhoster.notices.reading.charsets import is_known
from goodhoster.notices.reading.documents import missing_library, text_of_document
from goodhoster.notices.reading.encoded_texts import LONGEST_TEXT, texts_in_json, texts_within, unescaped
from goodhoster.notices.reading.formats.free_text import text_of
from goodhoster.notices.reading.formats.url_table import cells_of, file_names
from goodhoster.notices.reading.html_text import links_below_base
from goodhoster.notices.reading.mail import Mail, Part
from goodhoster.notices.reading.mentions import MOST_NAMES, names_in
from goodhoster.notices.reading.named_addresses import MOST_ADDRESSES, ItemAddresses

_SIGNATURES = frozenset(
    {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
    }
)
_ARMOR = re.compile(rb"\s*-----BEGIN PGP SIGNATURE-----\r?\n[ -~\r\n\t]*-----END PGP SIGNATURE-----\s*")
_DER_SEQUENCE = 0x30
_LONG_LENGTH = 0x80
_NOT_HERE = {
    "message/partial": "a piece of a message, and the rest is not here",
    "message/external-body": "its content is somewhere else",
}
_BACKWARDS = re.compile("\\bbdo\\b|\\brtl\\b|bidi-override|[\u202e\u2067]", re.IGNORECASE)
"""A text in which something is shown from right to left."""
_TEXTS = frozenset({"application/json", "application/xml", "application/pgp-encrypted", "message/delivery-status"})
_SPLIT_UP_TO = 200  # items: in a longer list names between them would be sought for nothing


def not_compared(mentions: Sequence[str]) -> Iterator[str]:
    """What was left out of the mentions, described so that a person looks for it."""
    addresses = sum("/" in mention for mention in mentions)
    if len(mentions) - addresses > MOST_NAMES:
        yield f"more than {MOST_NAMES} names in it were not compared with ours"
    if addresses >= MOST_ADDRESSES:
        yield f"more than {MOST_ADDRESSES} addresses in it were not compared with ours"


def unread_parts(mail: Mail) -> Iterator[str]:
    """Parts that no program read, or not whole, described so that a person finds them."""
    for part in (*mail.parts, *mail.enclosed):
        if why := _why_unread(part):
            name = part.name or "a part without a name"
            yield f"{name} ({part.kind}): {why}"


def _why_unread(part: Part) -> str:
    if part.kind in _NOT_HERE:
        return _NOT_HERE[part.kind]
    if not part.content.strip() or (part.signature and part.kind in _SIGNATURES and _is_signature(part.content)):
        return ""
    if len(part.content) > LONGEST_TEXT:
        return f"names were searched for in its first {LONGEST_TEXT} characters only"
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
    return (named or (part.kind in _SIGNATURES and part.content.isascii())) and b"\0" not in part.content


def _is_signature(content: bytes) -> bool:
    """Whether it is only a PGP signature in its armor, or one object in DER or BER."""
    if _ARMOR.fullmatch(content):
        return True
    if len(content) < 2 or content[0] != _DER_SEQUENCE:  # noqa: PLR2004 - tag and length
        return False
    count = content[1] - _LONG_LENGTH
    length = content[1] if count < 0 else int.from_bytes(content[2 : 2 + count])
    return count == 0 or len(content) == 2 + max(count, 0) + length


def mentions_in(mail: Mail, notice: ReadNotice) -> tuple[str, ...]:
    """The names in subject, texts, links and attachments that are no item's host."""
    parts = (*mail.parts, *mail.enclosed)
    texts = (text for part in parts for text in _texts_of(part))
    names = (*(part.name for part in parts), *file_names(mail))
    return _left(itertools.chain((mail.subject, mail.between), texts), notice, mail.own_domains, names)


def mentions_in_body(content: bytes, notice: ReadNotice) -> tuple[str, ...]:
    """Names in a request's body that are no item's host; see `mentions_in`."""
    text = content.decode("utf-8", "replace")
    texts = (text.replace("+", " "), *texts_in_json(text))
    return _left((shown for text in texts for shown in _both_ways(text)), notice, frozenset())


def _texts_of(part: Part) -> Iterator[str]:
    """Texts of a part: as it stands, links and comments of HTML too, and its visible text."""
    yield part.name
    if part.kind in _SIGNATURES and not _is_text(part):
        yield part.content.decode("latin-1")
    if _is_text(part):
        yield part.text
        yield cells_of(part)
        for text in texts_in_json(part.text):
            yield from _both_ways(text)
    if part.kind == "text/html" or not _is_text(part):
        yield (text := text_of(part))
        if part.kind == "text/html":
            yield "\n".join(links_below_base(part.text))
        if part.kind == "text/html" and _BACKWARDS.search(part.text):
            yield text[::-1]
    elif _BACKWARDS.search(part.text):
        yield part.text[::-1]


def _both_ways(text: str) -> Iterator[str]:
    """The text, and backwards where some of it is shown so."""
    yield (text := text[:LONGEST_TEXT])
    if _BACKWARDS.search(text) or _BACKWARDS.search(unescaped(text)):
        yield unescaped(text)[::-1]


def _left(
    texts: Iterable[str], notice: ReadNotice, own: frozenset[str], no_addresses: Iterable[str] = ()
) -> tuple[str, ...]:
    """Names that are no item's host, and addresses that no item has, as host and path."""
    items = ItemAddresses(notice.items, no_addresses)
    hosts = items.hosts
    known = hosts | {host.removeprefix("www.") for host in hosts} | own
    split = len(notice.items) < _SPLIT_UP_TO
    addresses: dict[str, None] = {}
    found = names_in(_noting_addresses(texts, items, addresses), own, split=split)
    names = dict.fromkeys(level for name in found if name not in hosts for level in _levels(name, known))
    return (*itertools.islice(names, MOST_NAMES + 1), *addresses)


def _noting_addresses(texts: Iterable[str], items: ItemAddresses, addresses: dict[str, None]) -> Iterator[str]:
    """Every text, and those within it.

    Addresses in it that no item has are added to `addresses`.

    In what is encoded within a text as well, but for quoted-printable: much in an address only looks so.
    """
    for text in texts:
        _note(items.without_item(text[:LONGEST_TEXT]), addresses)
        for inner, encoded in texts_within(text):
            if encoded:
                _note(items.without_item(inner, decoded=True), addresses)
            yield inner


def _note(found: Iterator[str], addresses: dict[str, None]) -> None:
    for address in found:
        if len(addresses) >= MOST_ADDRESSES:
            return
        addresses[address] = None


def _levels(name: str, known: set[str]) -> Iterator[str]:
    """The name, and the names that it is below, up to one that is known anyway."""
    yield name
    while name not in known and name.count(".") > 1 and not name.rpartition(".")[2].isdigit():
        name = name.partition(".")[2]
        if name not in known:
            yield name
