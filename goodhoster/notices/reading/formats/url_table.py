"""Lists in attachments that name their columns: CSV, and the sheets of XLSX, XLS and ODS.

Read by the names of the columns. Where one is not known, it may say that a row is not meant (`status`), and a person
looks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from goodhoster.errors import UnreadableError
from goodhoster.model.notices import NoticeFormat, ReadItem, ReadNotice
from goodhoster.notices.reading.documents import Rows, rows_of_document
from goodhoster.notices.reading.envelope import envelope
from goodhoster.notices.reading.language import language_of
from goodhoster.notices.reading.mail import Mail, Part
from goodhoster.notices.reading.references import reference_of
from goodhoster.notices.reading.url_finder import doubts_about_piece

_MOST_ROWS = 10_000
_LOOKED_FOR_HEADER = 10  # rows
_HEAD = 4000  # characters, in which those rows are
_BETWEEN_CELLS = str.maketrans(dict.fromkeys(",;\t|", "\n"))
_URL = frozenset(
    {"url", "urls", "uri", "link", "weblink", "webadres", "webaddress", "web address", "abuse url", "full url"}
)
_IP = frozenset({"ip", "ip address", "ip adres", "ip addr", "ipaddress", "ipv4", "ipv6", "source ip", "host ip"})
_NOTE = frozenset({"note", "notes", "notitie", "remark", "remarks", "opmerking", "comment", "comments", "description"})
_REASON = frozenset({"reason", "reden", "category", "categorie", "type", "classification", "abuse type"})
_FILE_NAMES = frozenset({"filename", "file name", "bestandsnaam", "dateiname", "nom de fichier"})
_HARMLESS = frozenset(
    "asn as country land date datum time tijd timestamp firstseen lastseen host hostname "  # noqa: SIM905 - a list of words
    "domain domein port poort id "
    "nr no number nummer reference ref kenmerk case ticket md5 sha1 sha256 hash title titel filename size "
    "source path file website site webseite referrer referer registrar server protocol scheme subdomain".split()
) | {
    "first seen",
    "file path",
    "source page",
    "referring page",
    "web site",
    "domain name",
    "last seen",
    "eerste keer",
    "laatste keer",
    "content type",
    "as name",
    "report id",
    "case id",
    "date time",
}


@dataclass(frozen=True, slots=True)
class _Table:
    names: list[str]
    rows: Rows


def read(mail: Mail) -> ReadNotice | None:
    """The notice, when an attachment is such a list."""
    sheets = [sheet for part in mail.parts for sheet in _sheets(part)]
    tables = [table for sheet in sheets if (table := _table(sheet))]
    if not tables:
        return None
    items = list({item.urls: item for table in tables for item in _items(table)}.values())
    if not items:
        raise UnreadableError("the attached list has no rows")
    if len(items) > _MOST_ROWS:
        raise UnreadableError(f"more than {_MOST_ROWS} rows")
    text = "\n".join(mail.texts("text/plain"))
    return replace(
        envelope(mail, NoticeFormat.URL_TABLE),
        items=tuple(items),
        reference=reference_of(mail, text),
        language=language_of(text),
        doubts=tuple(dict.fromkeys(_doubts(tables, len(sheets)))),
    )


def file_names(mail: Mail) -> Iterator[str]:
    """The cells of columns that say how a file is called: they are no addresses."""
    named = [part for part in mail.parts if any(name in _plain(_head(part)) for name in _FILE_NAMES)]
    with suppress(UnreadableError):
        for table in (table for part in named for sheet in _sheets(part) if (table := _table(sheet))):
            places = [number for number, name in enumerate(table.names) if name in _FILE_NAMES]
            yield from (row[number] for row in table.rows for number in places if number < len(row))


def _head(part: Part) -> str:
    return part.content[:_HEAD].decode("utf-8", "replace")


def cells_of(part: Part) -> str:
    """Every cell of a CSV in a line of its own; empty for another part."""
    return part.text.translate(_BETWEEN_CELLS) if _is_csv(part) else ""


def _doubts(tables: list[_Table], sheets: int) -> Iterator[str]:
    for table in tables:
        unknown = [name for name in table.names if name and name not in _URL | _IP | _NOTE | _REASON | _HARMLESS]
        if unknown:
            yield f"the list has columns that are not known: {', '.join(unknown)[:200]}"
        if sum(name in _URL for name in table.names) > 1:
            yield "the list has several columns of addresses"
    if len(tables) < sheets:
        yield "a sheet or list without the names of its columns"


def _sheets(part: Part) -> list[Rows]:
    if (sheets := rows_of_document(part)) is not None:
        return [sheet for sheet in sheets if sheet]
    return [_csv_rows(part.text)] if _is_csv(part) and b"\0" not in part.content[:2] else []


def _is_csv(part: Part) -> bool:
    named = part.name.lower().endswith((".csv", ".tsv"))
    return named or part.kind in {"text/csv", "text/tab-separated-values", "application/csv"}


def _csv_rows(text: str) -> Rows:
    lines = text[:_HEAD].split("\n")[:_LOOKED_FOR_HEADER]
    header = next((line for line in lines if _named(line.replace('"', ""))), lines[0])
    separator = max(",;\t|", key=header.count)
    try:
        rows = csv.reader(io.StringIO(text), delimiter=separator, strict=True)  # else a quote hides the rows after it
        return [[cell.strip() for cell in row] for row in rows]
    except csv.Error as error:
        raise UnreadableError(f"the attached list is not CSV: {error}") from error


def _named(line: str) -> bool:
    return any(_plain(cell) in _URL for separator in ",;\t|" for cell in line.split(separator))


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").strip("\ufeff\"' ").lower().split())


def _table(rows: Rows) -> _Table | None:
    for number, row in enumerate(rows[:_LOOKED_FOR_HEADER]):
        names = [_plain(cell) for cell in row]
        if _URL & set(names):
            return _Table(names, [row for row in rows[number + 1 :] if any(row)])
    return None


def _items(table: _Table) -> Iterator[ReadItem]:
    for row in table.rows:
        cells = list(zip(table.names, row, strict=False))
        url = _first(cells, _URL)
        doubts = (
            ()
            if len(row) <= len(table.names) or not any(row[len(table.names) :])
            else ("the row has more cells than columns",)
        )
        if not url:
            url, doubts = " ".join(filter(None, row)), (*doubts, "the row has no address")
        else:
            doubts = (*doubts, *doubts_about_piece(url))
        yield ReadItem(
            (url,), _first(cells, _IP), note=_first(cells, _NOTE), reason=_first(cells, _REASON), doubts=doubts
        )


def _first(cells: list[tuple[str, str]], names: frozenset[str]) -> str:
    return next((cell for name, cell in cells if name in names and cell), "")
