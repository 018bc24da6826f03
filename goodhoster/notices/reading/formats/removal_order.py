"""A removal order of an authority: ATKM's (WBAOKOP), or that of Reg. (EU) 2021/784 Annex I.

There is no public format for machines. Labelled lines in Dutch, English, German or French are read so that the person
who confirms the order has little to type; a reading is never acted on by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from goodhoster.model.notices import NoticeFormat, ReadNotice, RemovalOrder
from goodhoster.notices.reading.formats import free_text
from goodhoster.notices.reading.mail import Mail, moment

_IS_ORDER = re.compile(
    r"\b(?:removal orders?|verwijderings?bevel|bevel tot (?:verwijdering|ontoegankelijkmaking)|entfernungsanordnung"
    r"|injonction de (?:retrait|suppression))\b",
    re.IGNORECASE,
)
_NUMBER_BEHIND = re.compile(
    _IS_ORDER.pattern + r"\s{1,3}(?:no\.?|nr\.?)?\s{0,2}((?=[\w./-]{0,42}\d)[\w./-]{2,40}\w)", re.IGNORECASE
)
_LOOKED_AT = 50_000  # characters
_LINE = re.compile(
    r"[\s>*|\u2022-]{0,12}(?P<label>[^\W\d_][\w /()'-]{1,40}?)[\s*]{0,8}(?::|\t|$)[\s*:|]{0,12}(?P<value>.{0,300})"
)
_FIELDS = {
    "authority": (
        "authority",
        "issuing authority",
        "competent authority",
        "autoriteit",
        "bevoegde autoriteit",
        "beh\u00f6rde",
        "zust\u00e4ndige beh\u00f6rde",
        "autorit\u00e9",
        "autorit\u00e9 comp\u00e9tente",
    ),
    "reference": (
        "reference",
        "reference number",
        "kenmerk",
        "ons kenmerk",
        "zaaknummer",
        "aktenzeichen",
        "r\u00e9f\u00e9rence",
        "num\u00e9ro de r\u00e9f\u00e9rence",
    ),
    "issued_at": ("issued", "issued at", "date of issue", "date", "datum", "datum bevel", "date d'\u00e9mission"),
    "deadline": (
        "deadline",
        "remove before",
        "time limit",
        "uiterlijk",
        "verwijderen voor",
        "termijn",
        "term",
        "frist",
        "d\u00e9lai",
    ),
    "preserve_until": ("preserve until", "bewaren tot", "aufbewahren bis", "conserver jusqu'au"),
}
_KNOWN_LABELS = frozenset(label for labels in _FIELDS.values() for label in labels)
_NUMBERS = {
    **dict.fromkeys(
        ("a", "an", "one", "een", "\u00e9\u00e9n", "ein", "eine", "einer", "eines", "un", "une", "d'une"), 1
    ),
    **dict.fromkeys(("two", "twee", "zwei", "deux"), 2),
    **dict.fromkeys(("three", "drie", "drei", "trois"), 3),
    **dict.fromkeys(("four", "vier", "quatre"), 4),
    **dict.fromkeys(("six", "zes", "sechs"), 6),
    **dict.fromkeys(("eight", "acht", "huit"), 8),
    **dict.fromkeys(("ten", "tien", "zehn", "dix"), 10),
    **dict.fromkeys(("twelve", "twaalf", "zw\u00f6lf", "douze"), 12),
    **dict.fromkeys(("twenty-four", "vierentwintig", "vierundzwanzig", "vingt-quatre"), 24),
    **dict.fromkeys(("thirty", "dertig", "drei\u00dfig", "trente"), 30),
    **dict.fromkeys(("sixty", "zestig", "sechzig", "soixante"), 60),
}
_UNITS = (
    (r"min(?:ut(?:e|es|en|ten)|uut)?", timedelta(minutes=1)),
    (r"(?:h|hrs?|hours?|u|uur|uren|stunden?|heures?)", timedelta(hours=1)),
    (r"(?:days?|dag|dagen|tage?n?|jours?)", timedelta(days=1)),
)
_COUNT = r"(\d{1,4}|" + "|".join(sorted(map(re.escape, _NUMBERS), key=len, reverse=True)) + ")"
_TERMS = [
    (re.compile(rf"(?<![\w.,:-]){_COUNT}[\s-]{{0,2}}(?:\(\w{{1,15}}\)\s?)?{unit}\b", re.IGNORECASE), length)
    for unit, length in _UNITS
]
_WITHIN = re.compile(
    r"\b(?:within|in (?:no|not) more than|no later than|binnen|uiterlijk|innerhalb(?: von)?|sp\u00e4testens"
    r"|dans (?:un d\u00e9lai (?:d'|de )?|les )?|sous|term|deadline|time limit|termijn|frist|d\u00e9lai)\b.{0,40}",
    re.IGNORECASE,
)
_AT_ONCE = re.compile(
    r"\b(?:immediately|without delay|onverwijld|onmiddellijk|unverz\u00fcglich|sans d\u00e9lai)\b", re.IGNORECASE
)
_LONGEST_TERM = timedelta(days=365)
_SHORTEST_TERM = timedelta(hours=1)  # Reg. 2021/784, Art. 3(3): no order has a shorter one
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\D{1,6}(\d{1,2})[:.](\d{2})")
_SUMMER = timezone(timedelta(hours=2))
CONFIRM = "an order of an authority is confirmed by a person"


def read(mail: Mail) -> ReadNotice | None:
    """Read the order, when subject or text call it one."""
    text = "\n".join(filter(None, map(free_text.text_of, mail.parts)))[:_LOOKED_AT]
    if not _IS_ORDER.search(mail.header("Subject") + "\n" + text):
        return None
    said = _labelled(text)
    values = {field: next((said[label] for label in labels if label in said), "") for field, labels in _FIELDS.items()}
    found = free_text.read(mail)
    return replace(
        found,
        format=NoticeFormat.REMOVAL_ORDER,
        reference=values["reference"] or found.reference or _number(mail.header("Subject")),
        order=_order(values, mail.header("Subject") + "\n" + text),
        doubts=(CONFIRM, *(doubt for doubt in found.doubts if doubt != free_text.CONFIRM)),
    )


def _number(subject: str) -> str:
    found = _NUMBER_BEHIND.search(subject)
    return found[1] if found else ""


def _labelled(text: str) -> dict[str, str]:
    """Values of lines `label: value`.

    For a known label this includes what stands on the next line, or in the next cell. Of a label that is there
    twice, the first counts.
    """
    said: dict[str, str] = {}
    lines = [line for line in text.split("\n") if line.strip()]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if found := _LINE.fullmatch(line[:400].rstrip()):
            label, value = found["label"].strip().lower(), found["value"].strip("\t *|")
            if not value and label in _KNOWN_LABELS:
                value = following.strip("\t *|>")[:300]
            if value:
                said.setdefault(label, value)
    return said


def _order(values: dict[str, str], text: str) -> RemovalOrder:
    issued_at, term = moment(values["issued_at"]), _term(values["deadline"], text)
    return RemovalOrder(
        authority=values["authority"],
        issued_at=issued_at,
        deadline=_deadline(values["deadline"], issued_at, term),
        term=term.total_seconds() if term else None,
        preserve_until=moment(values["preserve_until"]),
    )


def _term(value: str, text: str) -> timedelta | None:
    """Shortest term named anywhere; None where none is."""
    within = [found[0] for found in _WITHIN.finditer(text)]
    terms = [length for said in (value, *within) for length in _lengths(said)]
    if not terms and _AT_ONCE.search(text):
        return _SHORTEST_TERM
    return min(terms, default=None)


def _lengths(text: str) -> Iterator[timedelta]:
    for pattern, unit in _TERMS:
        for found in pattern.finditer(text):
            count = int(found[1]) if found[1].isdigit() else _NUMBERS[found[1].lower()]
            if count:
                yield min(count * unit, _LONGEST_TERM)


def _deadline(text: str, issued_at: datetime | None, term: timedelta | None) -> datetime | None:
    """Deadline of the order; None where none is stated.

    The stated moment, or the term counted from the issue, whichever is earlier.
    """
    ends = [_moment(text)]
    with suppress(OverflowError):
        ends.append(issued_at + term if issued_at and term else None)
    return min(filter(None, ends), default=None)


def _moment(text: str) -> datetime | None:
    """Parse a moment; without a time zone, the earliest that can be meant in the Netherlands.

    Too early is preferred to too late.
    """
    with suppress(ValueError, OverflowError):
        if found := _DAY_FIRST.search(text):
            day, month, year, hour, minute = map(int, found.groups())
            return datetime(year, month, day, hour, minute, tzinfo=_SUMMER)
        if not datetime.fromisoformat(text).tzinfo:
            return datetime.fromisoformat(text).replace(tzinfo=_SUMMER)
    return moment(text)
