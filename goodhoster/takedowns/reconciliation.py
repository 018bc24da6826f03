"""Comparison of the hotline's own list with our receipts, both ways, each gap explained.

Pure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from goodhoster.errors import ConfigurationError, UnclearUrlError
from goodhoster.locating.urls import read_url
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem

_URL = frozenset({"url", "urls", "address"})
_REFERENCE = frozenset({"reference", "filenumber", "number", "nummer", "kenmerk", "notice"})
_STATE = frozenset({"state", "status"})
_OPEN = frozenset({"open", "online", "checkonline", "running", "lopend"})


class Discrepancy(StrEnum):
    """Result of comparing a line of the list with our record."""

    AGREED = "agreed"
    NEVER_RECEIVED = "never-received"
    """On the hotline's list, and no notice of ours has it: a mail was lost, or went to another address."""
    OTHER_NOTICE = "other-notice"
    """We have the URL, from another notice or number."""
    OPEN_THERE_GONE_HERE = "open-there-gone-here"
    """They count it as online, we saw it gone."""
    DISPUTED_HERE = "disputed-here"
    """They count it as online, and a person of ours decided that it stays."""
    OPEN_HERE = "open-here"
    """It is still open with us."""
    NOT_ON_THEIR_LIST = "not-on-their-list"
    """We received it, and their list does not have it."""


@dataclass(frozen=True, slots=True)
class HotlineListLine:
    """One line of the hotline's list."""

    url: str
    reference: str = ""
    open: bool | None = None
    """Do they count it as online? None: the list does not say."""


@dataclass(frozen=True, slots=True)
class LineFinding:
    """One comparison."""

    gap: Discrepancy
    url: str
    reference: str
    notice: str
    """Ours; empty where there is none."""
    why: str


def read_list(content: bytes) -> list[HotlineListLine]:
    """Read a CSV with a header, separated by `;`, `,` or tab.

    ConfigurationError when no column has URLs, or it is no CSV.
    """
    text = content.decode("utf-8-sig", "replace")
    head = next(io.StringIO(text, newline=""), "")
    delimiter = max(";,\t", key=head.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return _lines(rows)
    except csv.Error as error:
        hint = "export it as CSV with a first line that names its columns"
        raise ConfigurationError(f"line {rows.line_num} of the list is not CSV: {error}", hint=hint) from error


def reconcile(lines: Iterable[HotlineListLine], notices: Sequence[Notice]) -> list[LineFinding]:
    """Compare every line of theirs, then everything of ours that they do not have."""
    ours = _by_url(notices)
    listed = list(lines)
    found = [_compare(line, ours.get(same_form(line.url), [])) for line in listed]
    theirs = {same_form(line.url) for line in listed}
    return found + [
        LineFinding(
            Discrepancy.NOT_ON_THEIR_LIST, item.url, notice.reference, notice.id, f"we received it; it is {item.state}"
        )
        for url, entries in ours.items()
        if url not in theirs
        for notice, item in entries[:1]
    ]


def same_form(url: str) -> str:
    """Normalised URL for comparison; unchanged where no browser would read it."""
    try:
        return read_url(url)[0].href
    except (UnclearUrlError, IndexError):
        return url.strip()


def _lines(rows: csv.DictReader[str]) -> list[HotlineListLine]:
    names = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
    url, reference, state = (_column(names, wanted) for wanted in (_URL, _REFERENCE, _STATE))
    if url is None:
        hint = "its first line must name a column url; reference and status are used when they are there"
        raise ConfigurationError("the list has no column with URLs", hint=hint)
    return [_line(row, (url, reference, state)) for row in rows if (row.get(url) or "").strip()]


def _compare(line: HotlineListLine, entries: Sequence[tuple[Notice, NoticeItem]]) -> LineFinding:
    if not entries:
        return LineFinding(Discrepancy.NEVER_RECEIVED, line.url, line.reference, "", "no notice of ours has it")
    named = [entry for entry in entries if line.reference in {"", entry[0].reference}]
    notice, item = (named or entries)[-1]
    if not item.state.settled:
        why = f"it is {item.state} here: {item.reason}"
        return LineFinding(Discrepancy.OPEN_HERE, line.url, line.reference, notice.id, why)
    if line.open and item.state is ItemState.DISPUTED:
        return LineFinding(Discrepancy.DISPUTED_HERE, line.url, line.reference, notice.id, f"it stays: {item.reason}")
    if line.open:
        since = f" since {item.gone_at:%Y-%m-%d %H:%M} UTC" if item.gone_at else ""
        why = f"{item.state} here{since}: ask them to look again, or look where it is hosted"
        return LineFinding(Discrepancy.OPEN_THERE_GONE_HERE, line.url, line.reference, notice.id, why)
    if not named:
        why = f"we have it from {notice.reference or 'a notice without a number'}"
        return LineFinding(Discrepancy.OTHER_NOTICE, line.url, line.reference, notice.id, why)
    return LineFinding(Discrepancy.AGREED, line.url, line.reference, notice.id, f"{item.state} here")


def _by_url(notices: Iterable[Notice]) -> dict[str, list[tuple[Notice, NoticeItem]]]:
    found: dict[str, list[tuple[Notice, NoticeItem]]] = {}
    for notice in notices:
        for item in notice.items:
            found.setdefault(same_form(item.url), []).append((notice, item))
    return found


def _column(names: Mapping[str, str], wanted: frozenset[str]) -> str | None:
    return next((names[name] for name in names if name in wanted), None)


def _line(row: Mapping[str, str | None], columns: tuple[str, str | None, str | None]) -> HotlineListLine:
    url, reference, state = ((row.get(column) or "").strip() if column else "" for column in columns)
    return HotlineListLine(url, reference.strip("[]"), state.lower() in _OPEN if state else None)
