"""Reads list files as hotlines, police and researchers hand them over; streaming, and strict: nobody guesses.

Two forms, told apart by the first line that holds something:

- one hexadecimal digest a line; `#` begins a comment;
- CSV with `,` or `;` and a header that names at least one of md5, sha1, sha256, hash, digest (in any case,
  with or without dashes), and possibly category. All digests of a row are taken; an empty cell holds none;
  other columns are passed over.

MD5, SHA-1 and SHA-256 may be mixed: the length tells, and a column that names one must hold that. Blank
lines, either case, CRLF and a byte order mark do not matter. The first bad line ends the reading with a
ConfigurationError that names file, line and what it holds.
"""

from __future__ import annotations

import binascii
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from goodhoster.checking.digestlist import Entry
from goodhoster.errors import ConfigurationError
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

_LONGEST_LINE = 1 << 16  # bytes
_SHOWN = 60  # characters of a bad line
_WIDTHS = frozenset(algorithm.width for algorithm in Algorithm)
_COLUMNS = {"hash": _WIDTHS, "digest": _WIDTHS} | {a.value: frozenset({a.width}) for a in Algorithm}
_HINT = "nothing was imported: correct or remove the line, then import again"

_Lines = Iterator[tuple[int, bytes]]


def read_entries(path: Path, category: Category) -> Iterator[Entry]:
    """The entries of a list file in its order; `category` stands where the file tells none."""
    try:
        with path.open("rb") as file:
            yield from _entries(_Reading(path, category), _lines(path, file))
    except OSError as error:
        hint = "check its name, owner and mode"
        raise ConfigurationError(f"cannot read the list file {path}: {error.strerror}", hint=hint) from error


@dataclass(frozen=True, slots=True)
class _Reading:
    """The file that is being read, and the category where it tells none."""

    path: Path
    category: Category

    def bad(self, line: int, holds: object, why: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path}, line {line}: {_shortened(holds)} {why}", hint=_HINT)


def _shortened(holds: object) -> str:
    shown = repr(holds).removeprefix("b")
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _lines(path: Path, file: BinaryIO) -> _Lines:
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            why = f"is longer than {_LONGEST_LINE} bytes"
            raise ConfigurationError(f"{path}, line {number}: {_shortened(line)} {why}", hint=_HINT)
        yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _entries(reading: _Reading, lines: _Lines) -> Iterator[Entry]:
    for number, line in lines:
        text = _content(line)
        if not text:
            continue
        if (value := _digest(text)) is not None:
            yield value, reading.category
            yield from _bare(reading, lines)
        else:
            yield from _csv(reading, number, line, lines)


def _content(line: bytes) -> bytes:
    return line.partition(b"#")[0].strip()


def _digest(text: bytes | str) -> bytes | None:
    try:
        value = binascii.unhexlify(text)
    except ValueError:
        return None
    return value if len(value) in _WIDTHS else None


def _bare(reading: _Reading, lines: _Lines) -> Iterator[Entry]:
    category = reading.category
    for number, line in lines:
        if text := _content(line):
            value = _digest(text)
            if value is None:
                raise reading.bad(number, text, "is not a hexadecimal MD5, SHA-1 or SHA-256 digest")
            yield value, category


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a CSV file's header says that things are."""

    delimiter: str
    count: int
    digests: tuple[tuple[int, frozenset[int]], ...]
    """Position, and the lengths in bytes that a digest may have there."""
    category: int | None


def _csv(reading: _Reading, number: int, header: bytes, lines: _Lines) -> Iterator[Entry]:
    columns = _columns(reading, number, header)
    for at, line in lines:
        if line.lstrip().startswith(b"#"):
            continue
        cells = _cells(reading, at, line, columns.delimiter)
        if any(cells):
            yield from _row(reading, at, cells, columns)


def _columns(reading: _Reading, number: int, header: bytes) -> _Columns:
    delimiter = ";" if header.count(b";") > header.count(b",") else ","
    names = [_plain(cell) for cell in _cells(reading, number, header, delimiter)]
    digests = tuple((at, _COLUMNS[name]) for at, name in enumerate(names) if name in _COLUMNS)
    if not digests:
        why = "is neither a digest nor a CSV header that names md5, sha1, sha256, hash or digest"
        raise reading.bad(number, header.strip(), why)
    return _Columns(delimiter, len(names), digests, names.index("category") if "category" in names else None)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _cells(reading: _Reading, number: int, line: bytes, delimiter: str) -> list[str]:
    """The cells of one line. A row never goes over several: a stray quote would swallow digests unseen."""
    text = line.decode("utf-8", "surrogateescape")
    try:
        row = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise reading.bad(number, line.strip(), f"is not a CSV row on one line ({error})") from error
    return [cell.strip() for cell in row]


def _row(reading: _Reading, number: int, cells: list[str], columns: _Columns) -> Iterator[Entry]:
    if any(cells[columns.count :]):
        raise reading.bad(number, cells, "has more cells than the header")
    cells = cells + [""] * (columns.count - len(cells))
    filled = [(cells[at], widths) for at, widths in columns.digests if cells[at]]
    if not filled:
        raise reading.bad(number, cells, "holds no digest")
    category = _category(reading, number, cells[columns.category] if columns.category is not None else "")
    for cell, widths in filled:
        value = _digest(cell)
        if value is None or len(value) not in widths:
            raise reading.bad(number, cell, "is not the hexadecimal digest that its column names")
        yield value, category


def _category(reading: _Reading, number: int, name: str) -> Category:
    try:
        return Category(name.lower()) if name else reading.category
    except ValueError:
        raise reading.bad(number, name, "is not one of the categories " + ", ".join(Category)) from None
