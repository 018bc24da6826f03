"""Own prose of a mail: its subject, and its sentences outside lists and known tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from goodhoster.notices.reading.folding import ADDRESS, without_addresses
from goodhoster.notices.reading.formats.free_text import text_of
from goodhoster.notices.reading.formats.scart_table import without_tables
from goodhoster.notices.reading.html_text import text_of_html
from goodhoster.notices.reading.mail import Mail, Part

MOST_PROSE = 200_000  # characters
_NO_PROSE = frozenset({"text/csv", "text/tab-separated-values", "application/csv", "text/calendar", "text/x-vcard"})
_TAG = re.compile(r"<(?:p|br|div|span|table|td|li|b|i|strong|em|a)\b", re.IGNORECASE)
_ENDS = re.compile(r"(?<=[.!?:])[\"'\u201d\u2019)\]*_]{0,3}\s+(?=\S)|[\u3002\uff01\uff1f]|(?<=[?!])(?=[^\W\d_])")
_LETTER = re.compile(r"[^\W\d_]")
_OPENS = re.compile(r"\W*([^\W\d_])")


def sentences_of(mail: Mail) -> Iterator[str]:
    """The subject, and every sentence of the texts that the sender wrote itself."""
    yield mail.subject
    texts = list(_texts(mail.parts))
    if not any(map(_LETTER.search, texts)):  # nothing in its own words: then it means what it repeats
        texts = list(_texts(mail.enclosed))
    yield from sentences_in((*texts, *map(_first_line, _texts(mail.enclosed))))


def _first_line(text: str) -> str:
    """The line that was taken for the beginning of a quotation, and may be the sender's own."""
    return next(filter(None, map(str.strip, text.split("\n"))), "")


def _texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        named = part.name.lower()
        if part.kind not in _NO_PROSE and not named.endswith((".csv", ".tsv", ".json", ".xml", ".log")):
            yield _text(part)


def _text(part: Part) -> str:
    if not part.kind.startswith("text/"):
        return text_of(part)
    text = without_tables(part.text)
    return text_of_html(text).text if part.kind == "text/html" or _TAG.search(text) else text


def sentences_in(texts: Iterable[str]) -> Iterator[str]:
    """Sentences of texts, also where they go on over lines and around addresses of a list."""
    for text in texts:
        for paragraph in _paragraphs(text):
            yield from filter(_LETTER.search, _ENDS.split(paragraph))


def _paragraphs(text: str) -> Iterator[str]:
    """Lines that belong together, with one sign for all addresses that stand between them.

    An empty line ends them, but not where the next begins with a small letter below an address: "Please leave", the
    address, "online".
    """
    lines: list[str] = []
    closed = False
    for line in map(str.strip, text.split("\n")):
        if not line:
            closed = True
            continue
        entry = not _LETTER.search(without_addresses(line).replace(ADDRESS, ""))
        begins = _OPENS.match(line)
        goes_on = entry or (bool(lines) and lines[-1] == ADDRESS and begins is not None and begins[1].islower())
        if closed and lines and not goes_on:
            yield " ".join(lines)
            lines = []
        closed = False
        if not entry:
            lines.append(line)
        elif lines and lines[-1] != ADDRESS:
            lines.append(ADDRESS)
    if lines:
        yield " ".join(lines)
