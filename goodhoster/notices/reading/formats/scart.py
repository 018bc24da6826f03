"""Common parts of every mail of SCART, the notice system of the Dutch hotline.

See AbuseIO/SCART-application.

The subject carries the hotline's file number in brackets, `[M0123456789]`; all other wording differs by receiver. The
tables and CSV files have three layouts in two languages, told apart by the names of their columns and never by their
position; see `columns`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from goodhoster.model.notices import NoticeFormat, ReadNotice
from goodhoster.notices.reading.envelope import envelope
from goodhoster.notices.reading.language import Language
from goodhoster.notices.reading.mail import Mail

Column = Literal["url", "ip", "first", "last", "note", "reason"]

_FILE_NUMBER = re.compile(r"\[(M\d{10})\]")
_TEST = re.compile(r"\[ALT_EMAIL active; org=")
_COLUMNS: dict[str, tuple[Column, Language | None]] = {
    "url": ("url", None),
    "ip": ("ip", None),
    "first seen": ("first", "en"),
    "firstseen": ("first", "en"),
    "eerste keer": ("first", "nl"),
    "last seen": ("last", "en"),
    "lastseen": ("last", "en"),
    "laatste keer": ("last", "nl"),
    "note": ("note", "en"),
    "notitie": ("note", "nl"),
    "reason": ("reason", "en"),
    "reden": ("reason", "nl"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one table, in its order."""

    columns: tuple[Column, ...]
    language: Language


def layout_of(names: list[str]) -> Layout | None:
    """Layout with these column names; None when they are not SCART's."""
    known = [_COLUMNS.get(" ".join(name.lower().split())) for name in names]
    columns = tuple(entry[0] for entry in known if entry)
    if len(columns) != len(names) or len(set(columns)) != len(columns) or "url" not in columns or len(columns) == 1:
        return None
    languages = {entry[1] for entry in known if entry and entry[1]}
    return Layout(columns, "nl" if languages == {"nl"} else "en")


def is_test(subject: str) -> bool:
    """Whether the hotline only tests our address.

    Its mark stands before the ordinary subject.
    """
    return _TEST.search(subject) is not None


def read_test(mail: Mail) -> ReadNotice | None:
    """Notice of a test of our address: nothing in it is to be acted on, or read."""
    return bare_notice(mail, NoticeFormat.SCART_TEST) if is_test(mail.header("Subject")) else None


def bare_notice(mail: Mail, form: NoticeFormat) -> ReadNotice:
    """Notice of a mail without its items.

    It has everything but what the mail points at.
    """
    number = _FILE_NUMBER.search(mail.header("Subject"))
    return replace(envelope(mail, form), reference=number[1] if number else "")


def seen_at(text: str) -> datetime | None:
    """Parse `YYYY-MM-DD HH:MM:SS`, which is on the sender's own clock.

    None where the cell is empty. ValueError when it is neither.
    """
    return datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S") if text.strip() else None  # noqa: DTZ007 - has no zone
