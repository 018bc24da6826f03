"""Reads lists as tables: CSV with `,`, `;`, `|` or tabs and a header, and hashdeep output.

The header names at least one column of hashes, such as md5, SHA-1, sha256_hash or pdq, in any case; or `hash`, where
the kind comes from the row's type or from its length; or `value` with the type beside it (MISP, ThreatFox, OTX). All
hashes of a row are taken; an empty cell holds none. `category` (ours, NCMEC's or Project VIC's), `to_ids`, `deleted`
and `status` count; other columns do not. The header may be a comment, as abuse.ch has it. A cell in quotes may go over
several lines.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from goodhoster.hashlists.entries import KINDS, ListEntry, ListKind, Reading, unhex
from goodhoster.hashlists.formats.text_stream import LONGEST_LINE, Lines
from goodhoster.hashlists.formats.vocabulary import (
    CATEGORIES,
    category_named,
    decoded,
    is_other_kind,
    is_withdrawn,
    kind_named,
    kind_typed,
    plain,
)
from goodhoster.model.verdicts import Category

HASHDEEP = b"%%%% "
"""How the first lines of what hashdeep writes begin."""

_DELIMITERS = ",;\t|"
_UNTYPED = frozenset({"hash", "digest", "checksum", "hashvalue", "filehash", "hashstring"})
_VALUES = frozenset(
    {"value", "iocvalue", "ioc", "indicator", "indicatorvalue", "rawindicator", "signalvalue", "signal"}
)
"""Of any kind of thing: a hash where the row's type names one."""
_TYPES = frozenset({
    "type", "hashtype", "signaltype", "algorithm", "ioctype", "indicatortype", "attributetype", "hashname", "valuetype"
})  # fmt: skip
_NAMES = frozenset({"filename", "filepath", "path", "name", "file", "relativepath"})
_FLAGS = frozenset({
    "deleted", "shoulddelete", "withdrawn", "revoked", "removed", "toids", "status", "hashstatus", "state",
    "reviewstatus",
})  # fmt: skip
_HASH_LENGTHS = frozenset({32, 40, 64})
_HASH_WORD = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns that a header names."""

    delimiter: str
    names: Sequence[str]
    """Of all columns, plain."""
    hashes: Sequence[tuple[int, ListKind | None]]
    """Position, and what a hash is there; None where the row's type or its length tells."""
    type: int | None
    category: int | None
    flags: Mapping[int, str]


def read_table(reading: Reading, lines: Lines) -> Iterator[ListEntry]:
    """Read the entries of a table. ConfigurationError names the first line that is no entry."""
    rows = _Rows(reading, lines)
    header = _header(reading, rows)
    if header is None:
        return
    columns, first = header
    reading.is_list = True
    if first:
        yield from _row(reading, *first, columns)
    for number, cells in rows.split(columns.delimiter):
        yield from _row(reading, number, cells, columns)


def read_hashdeep(reading: Reading, lines: Lines) -> Iterator[ListEntry]:
    """Read the entries of a hashdeep file.

    Its second line names the columns, and the last column is a name, unescaped.
    """
    columns: _Columns | None = None
    for number, line in lines:
        if line.startswith(HASHDEEP):
            names = [plain(name) for name in line[len(HASHDEEP) :].decode("ascii", "replace").split(",")]
            columns = _columns(",", names) or columns
            continue
        if not line or line.startswith(b"##"):
            continue
        if columns is None:
            raise reading.bad(f"line {number}", line, "stands before the line that names hashdeep's columns")
        cells = line.decode("utf-8", "surrogateescape").split(",", len(columns.names) - 1)
        yield from _row(reading, number, cells, columns)
    reading.is_list = reading.is_list or columns is not None


class _Rows:
    """Splits lines into rows.

    A row that goes over several lines must not hide a digest.
    """

    def __init__(self, reading: Reading, lines: Lines) -> None:
        self._reading = reading
        self._lines = lines
        self._start = 0
        """The line on which the row begins that is being read."""
        self._size = 0
        self.comment: tuple[int, str] | None = None
        """The last comment before the first row."""

    def first(self) -> tuple[int, str] | None:
        """The first line that is neither empty nor a comment."""
        for number, line in self._lines:
            text = _decoded(line)
            if text.lstrip().startswith("#"):
                self.comment = number, text.lstrip("# ")
            elif text.strip() and not re.fullmatch(r"(?i)sep=.", text.strip()):  # Excel's
                return number, text
        return None

    def split(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """The number and the cells of each row that is not empty."""
        reader = csv.reader(self._texts(), delimiter=delimiter, strict=True, skipinitialspace=True)
        while True:
            self._size = 0
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._reading.bad(f"line {self._start}", "", f"is not a CSV row ({error})") from error
            if swallowed := next(filter(_swallows, cells), None):
                raise self._reading.bad(f"line {self._start}", swallowed, "holds a digest: its quote is not closed")
            if any(cells := [cell.strip() for cell in cells]):
                yield self._start, cells

    def _texts(self) -> Iterator[str]:
        for number, line in self._lines:
            if self._size == 0:
                if line.lstrip().startswith(b"#"):
                    continue
                self._start = number
            elif self._size > LONGEST_LINE:
                raise self._reading.bad(f"line {self._start}", line, "follows a quote that is not closed")
            self._size += len(line) + 1
            yield _decoded(line) + "\n"


def _swallows(cell: str) -> bool:
    """Return whether this cell of several lines contains a row."""
    return "\n" in cell and _HASH_WORD.search(cell) is not None


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _header(reading: Reading, rows: _Rows) -> tuple[_Columns, tuple[int, list[str]] | None] | None:
    """The columns, and the first row where the header was a comment before it.

    None for a file without either.
    """
    first = rows.first()
    commented = _named_columns(rows.comment[1]) if rows.comment else None
    if first is None:
        return (commented, None) if commented else None
    number, text = first
    if columns := _named_columns(text):
        return columns, None
    if commented and len(cells := _cells(text, commented.delimiter)) == len(commented.names):
        return commented, (number, cells)
    why = "is neither a digest nor a CSV header that names " + ", ".join((*KINDS, *sorted(_UNTYPED)))
    raise reading.bad(f"line {number}", text.strip(), why)


def _named_columns(header: str) -> _Columns | None:
    delimiter = max(_DELIMITERS, key=header.count)
    return _columns(delimiter, [plain(name) for name in _cells(header, delimiter)])


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        row = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in row]


def _columns(delimiter: str, names: Sequence[str]) -> _Columns | None:
    """The columns that a header line names; None when it names no column of hashes.

    None for a row too: a type that is spelled like a column name does not make it a header.
    """
    if any(unhex(name) and len(name) in _HASH_LENGTHS for name in names):
        return None
    type_at = next((at for at, name in enumerate(names) if name in _TYPES), None)
    untyped = _UNTYPED | _VALUES if type_at is not None else _UNTYPED
    hashes: list[tuple[int, ListKind | None]] = [
        (at, kind_named(name)) for at, name in enumerate(names) if kind_named(name) or name in untyped
    ]
    if not hashes:
        return None
    category = names.index("category") if "category" in names else None
    flags = {at: name for at, name in enumerate(names) if name in _FLAGS}
    return _Columns(delimiter, names, hashes, type_at, category, flags)


def _row(reading: Reading, number: int, cells: list[str], columns: _Columns) -> Iterator[ListEntry]:
    count = len(columns.names)
    if any(cells[count:]) and columns.names[-1] not in _NAMES:  # a name may have a comma in it, unquoted
        raise reading.bad(f"line {number}", cells, "has more cells than the header")
    cells = cells + [""] * (count - len(cells))
    filled = [(cells[at], kind, columns.names[at]) for at, kind in columns.hashes if cells[at]]
    if not filled:
        raise reading.bad(f"line {number}", cells, "holds no digest")
    category = _category(reading, number, cells, columns)
    type_name = cells[columns.type] if columns.type is not None else ""
    for text, told, column in filled:
        kind = told or kind_typed(type_name)
        if kind is None and type_name and (column in _VALUES or is_other_kind(type_name)):
            reading.passed_over[type_name] += 1
            continue
        found = _hash(reading, text.rpartition("|")[2] if type_name else text, kind)
        if found is None:
            raise reading.bad(f"line {number}", text, "is not the hexadecimal digest that its column or type names")
        yield ListEntry(*found, category)


def _hash(reading: Reading, text: str, kind: ListKind | None) -> tuple[ListKind, bytes] | None:
    """A hash of the given kind, or of the kind of its length; None where it is no hash."""
    if kind is not None:
        value = decoded(text, kind)
        return None if value is None else (kind, value)
    for by_length in reading.kinds.values():
        value = decoded(text, by_length)
        if value is not None and (kind := reading.of_unknown_kind(value)):
            return kind, value
    return None


def _category(reading: Reading, number: int, cells: list[str], columns: _Columns) -> Category | None:
    flags = {name: cells[at] for at, name in columns.flags.items() if cells[at]}
    if is_withdrawn(flags):
        return None
    name = cells[columns.category] if columns.category is not None else ""
    if not name:
        return reading.category
    try:
        return category_named(name)
    except KeyError:
        if "toids" in columns.names:  # MISP's categories are others
            return reading.category
        raise reading.bad(f"line {number}", name, f"is not one of the categories {CATEGORIES}") from None
