"""Sentences of a notice, and all the texts that it may say something in.

What a notice says in words (that it is confidential, by when it wants something gone) is looked for in all of it,
whatever its format: subject, texts, HTML, tables, documents, the fields of a form or of JSON.
"""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from goodhoster.errors import UnreadableError
from goodhoster.notices.reading.charsets import decoded
from goodhoster.notices.reading.formats.free_text import text_of
from goodhoster.notices.reading.formats.scart_api import form_of
from goodhoster.notices.reading.mail import Mail, Part

LONGEST_TEXT = 1 << 19
"""Characters of one text whose sentences are looked at; of a longer one its beginning and its end."""
_MOST_TEXTS = 10_000
_LONGEST_SENTENCE = 600
_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "’": "'", "‘": "'", "\xa0": " "}
)
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufe0f\ufeff]")
_SPACED = re.compile(r"(?<!\w)\w(?: \w){4,40}(?!\w)")
"""`C O N F I D E N T I A L`."""
_END = re.compile(
    r"[.!?;\u2026\u3002](?=[\s\"'\u201d)*_]|$)|\n[^\S\n]*\n|\n(?=[^\S\n]{0,8}[^\W\d_][\w /()'-]{0,30}:\s)"
)
"""A sign at the end of a sentence, an empty line, or the line before a label."""
_ABBREVIATED = re.compile(
    r"\b(?:art|abs|nr|no|ref|dr|mr|mrs|ca|bzw|ev|evtl|max|min|uur|std|hrs?|lid|cl|ust|odst|par|[a-z])\.\Z"
)
_WORD = re.compile(r"\d+|[^\W\d_]+|,")
_HARD = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, or a line that stands by itself."""

    written: str
    folded: str
    """In lower case, without accents."""

    @property
    def words(self) -> list[str]:
        """Its words, numbers and commas."""
        return _WORD.findall(self.folded)


def folded(text: str) -> str:
    """Text in lower case, without accents and what cannot be seen."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKD", text))
        text = "".join(sign for sign in text if not unicodedata.combining(sign))
    text = text.lower()
    return text if text.isascii() else text.translate(_LETTERS)


def sentences_of(text: str) -> Iterator[Sentence]:
    """Sentences of a text; lines that were only wrapped are one."""
    start = 0
    for end in _ends(text):
        piece = " ".join(text[start:end].split())
        start = end
        while piece:
            cut, piece = piece[:_LONGEST_SENTENCE], piece[_LONGEST_SENTENCE:]
            said = folded(cut)
            yield Sentence(cut, _SPACED.sub(lambda found: found[0].replace(" ", ""), said))


def _ends(text: str) -> Iterator[int]:
    for found in _END.finditer(text):
        if found[0] != "." or not _ABBREVIATED.search(text[max(0, found.end() - 8) : found.end()].lower()):
            yield found.end()
    yield len(text)


def shortened(text: str) -> str:
    """Text, or the beginning and the end of a very long one."""
    half = LONGEST_TEXT // 2
    return text if len(text) <= LONGEST_TEXT else f"{text[:half]}\n\n{text[-half:]}"


def texts_of_mail(mail: Mail, parts: Iterable[Part]) -> Iterator[str]:
    """The subject, what some headers say, and the texts of these parts with their names."""
    yield mail.subject
    if said := mail.header("Sensitivity"):  # RFC 4021
        yield f"Sensitivity: {said}"
    for part in parts:
        if part.name:
            yield part.name.replace("_", " ")
        if part.content:
            yield from _texts_of(part)


def _texts_of(part: Part) -> Iterator[str]:
    if part.kind == "application/json" or part.name.lower().endswith(".json"):
        yield from texts_of_json(part.text)
    elif part.kind.startswith("text/") or _is_plain(part):
        yield shortened(text_of(part) or part.text)
    else:
        yield shortened(text_of(part))


def _is_plain(part: Part) -> bool:
    return part.name.lower().endswith((".csv", ".txt", ".eml", ".xml")) and b"\0" not in part.content


def texts_of_form(body: bytes) -> Iterator[str]:
    """The fields of a form, each with its name."""
    try:
        fields = form_of(body)
    except UnreadableError:
        yield shortened(decoded(body, "utf-8"))
        return
    yield from (f"{name}: {shortened(value)}" for name, value in fields.items())


def texts_of_json(text: str) -> Iterator[str]:
    """The texts of a JSON document, each with its name; the document itself where it is none."""
    try:
        waiting = [("", json.loads(text))]
    except (ValueError, RecursionError):
        yield shortened(text)
        return
    for _ in range(_MOST_TEXTS):
        if not waiting:
            return
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += reversed([(str(key).replace("_", " "), inner) for key, inner in value.items()])
        elif isinstance(value, list):
            waiting += [(name, inner) for inner in itertools.islice(reversed(value), _MOST_TEXTS)]
        elif isinstance(value, str | int | float) or value is None:
            yield f"{name}: {shortened(_as_text(value))}"


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def words_like(*lists: str) -> re.Pattern[str]:
    """Pattern of whole words that begin with one of the stems listed.

    `=` before one: only that very word; `*` before one: it may stand anywhere in a word.
    """
    listed = [stem for words in lists for stem in words.split()]
    whole = [re.escape(stem[1:]) for stem in listed if stem[0] == "="]
    within = [re.escape(stem[1:]) for stem in listed if stem[0] == "*"]
    begun = [stem for stem in listed if stem[0] not in "=*"]  # these may hold a lookahead
    return re.compile(
        rf"(?:{'|'.join(whole) or '(?!)'})\Z|(?:{'|'.join(begun) or '(?!)'})|\w*?(?:{'|'.join(within) or '(?!)'})"
    )
