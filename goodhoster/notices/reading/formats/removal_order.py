"""A removal order of an authority: ATKM's (WBAOKOP), or that of Reg. (EU) 2021/784 Annex I.

There is no public format for machines. Labelled lines in Dutch or English are read so that the person who confirms the
order has little to type; a reading is never acted on by itself.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from goodhoster.model.notices import NoticeFormat, ReadNotice, RemovalOrder
from goodhoster.notices.reading.formats import free_text
from goodhoster.notices.reading.mail import Mail, moment

_IS_ORDER = re.compile(
    r"\b(?:removal order|verwijderings?bevel|bevel tot (?:verwijdering|ontoegankelijkmaking))\b", re.IGNORECASE
)
_LABEL = re.compile(r"^[ \t*]{0,8}([\w /()-]{2,40}?)[ \t]{0,8}:[ \t]{0,8}(\S[^\r\n]{0,300})$", re.MULTILINE)
_FIELDS = {
    "authority": ("authority", "issuing authority", "autoriteit", "bevoegde autoriteit"),
    "reference": ("reference", "reference number", "kenmerk", "ons kenmerk", "zaaknummer"),
    "issued_at": ("issued", "issued at", "date of issue", "date", "datum", "datum bevel"),
    "deadline": ("deadline", "remove before", "uiterlijk", "verwijderen voor", "termijn", "term"),
    "preserve_until": ("preserve until", "bewaren tot"),
    "confidential": ("confidential", "vertrouwelijk", "geheimhouding"),
}
_TERM = re.compile(r"(?:(?:uiterlijk )?binnen |within )?(\d{1,3})\s?(?:h|hours?|uur|uren)\b", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\D{1,6}(\d{1,2})[:.](\d{2})")
_SUMMER = timezone(timedelta(hours=2))
_YES = frozenset({"yes", "ja", "true"})
CONFIRM = "an order of an authority is confirmed by a person"


def read(mail: Mail) -> ReadNotice | None:
    """The order, when subject or text call it one."""
    text = "\n".join(mail.texts("text/plain"))
    if not _IS_ORDER.search(mail.header("Subject") + "\n" + text[:2000]):
        return None
    said = {label.strip().lower(): value.strip() for label, value in _LABEL.findall(text)}
    values = {field: next((said[label] for label in labels if label in said), "") for field, labels in _FIELDS.items()}
    found = free_text.read(mail)
    return replace(
        found,
        format=NoticeFormat.REMOVAL_ORDER,
        reference=values["reference"] or found.reference,
        order=_order(values),
        doubts=(CONFIRM,) if found.items else (CONFIRM, *found.doubts),
    )


def _order(values: dict[str, str]) -> RemovalOrder:
    issued_at, term = moment(values["issued_at"]), _term(values["deadline"])
    return RemovalOrder(
        authority=values["authority"],
        issued_at=issued_at,
        deadline=_deadline(values["deadline"], issued_at, term),
        term=term.total_seconds() if term else None,
        preserve_until=moment(values["preserve_until"]),
        confidential=values["confidential"].lower() in _YES,
    )


def _term(text: str) -> timedelta | None:
    found = _TERM.match(text)
    return timedelta(hours=int(found[1])) if found and int(found[1]) else None


def _deadline(text: str, issued_at: datetime | None, term: timedelta | None) -> datetime | None:
    """A moment, or a term counted from the issue; None where neither is said. Without zone it is the earliest that can
    be meant in the Netherlands: too early rather than too late.
    """
    with suppress(ValueError, OverflowError):
        if term:
            return issued_at + term if issued_at else None
        if found := _DAY_FIRST.search(text):
            day, month, year, hour, minute = map(int, found.groups())
            return datetime(year, month, day, hour, minute, tzinfo=_SUMMER)
        if not datetime.fromisoformat(text).tzinfo:
            return datetime.fromisoformat(text).replace(tzinfo=_SUMMER)
    return moment(text)
