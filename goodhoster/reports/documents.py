"""A report as a value: its figures for programs, its tables and charts for people. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from goodhoster.model.uploads import visible
from goodhoster.reports.periods import Period

_PIECES = 10_000
MOST_ROWS = 60
"""Rows of a table for people; the CSV has all."""
Cell = str | int | float | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula: names and URLs in a table are chosen by outsiders."""


class Tone(StrEnum):
    """How a figure is to be read."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that is seen first."""

    label: str
    value: str
    note: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a heading."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One line or set of bars of a chart; None where nothing is known."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart over named places (bars), or over figures (a curve that falls in steps)."""

    title: str
    places: Sequence[str | float]
    series: tuple[Series, ...]
    unit: str = ""
    steps: bool = False
    """A curve in steps; else bars, each series below the other with its own scale."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One report."""

    name: str
    """Of its files."""
    title: str
    data: Mapping[str, Any]
    """For `--json`."""
    tiles: tuple[Tile, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    """How its figures are counted, and what they do not say."""


class Deferred(Mapping[str, Any]):
    """Figures made whenever they are read, so that those of thousands of groups take no memory."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        self._make = make

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - whatever JSON can carry
        return self._make()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._make())

    def __len__(self) -> int:
        return len(self._make())


def as_json(data: Mapping[str, Any], indent: int | None = None) -> Iterator[str]:
    """The figures of a document as one JSON object, in pieces."""
    pieces = json.JSONEncoder(default=dict, indent=indent).iterencode(data)
    while piece := "".join(islice(pieces, _PIECES)):
        yield piece


def as_csv(tables: Sequence[Table]) -> Iterator[str]:
    """The tables as lines of CSV; of several, the first column names the table of a row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")

    def line(cells: Sequence[Cell]) -> str:
        writer.writerow(cells)
        written = out.getvalue()
        out.seek(0)
        out.truncate()
        return written

    for table in tables:
        yield line(("table", *table.columns) if len(tables) > 1 else table.columns)
        for row in table.rows:
            cells = ["" if cell is None else escape_formula(cell) for cell in row]
            yield line([table.title, *cells] if len(tables) > 1 else cells)


def as_text(document: Document, tables: int | None = None) -> str:
    """The document as plain text: the first rows of all tables or of so many."""
    lines = [document.title]
    lines += [f"  {tile.label:<24} {tile.value:>12}  {tile.note}".rstrip() for tile in document.tiles]
    for table in document.tables[:tables]:
        shown = table.rows[:MOST_ROWS]
        rows = [table.columns, *(tuple("-" if cell is None else visible(f"{cell}") for cell in row) for row in shown)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(table.columns))]
        lines += ["", table.title]
        lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        if len(shown) < len(table.rows):
            lines.append(f"  the first {len(shown):,} of {len(table.rows):,}; --csv has all")
    return "\n".join([*lines, ""])


def escape_formula(cell: Cell) -> Cell:
    """A cell that spreadsheets do not take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def rounded(value: float | None, digits: int = 2) -> float | None:
    """A figure for people and programs, without the noise of floats."""
    return None if value is None else round(value, digits)


def period_as_object(period: Period, now: datetime) -> dict[str, Any]:
    """The period and the moment at which it was looked at."""
    since, until = period.query_since, period.query_until
    return {
        "period": {"name": period.name, "since": _iso(since), "until": _iso(until)},
        "as_of": _iso(now),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
