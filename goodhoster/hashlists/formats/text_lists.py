"""Reads list files as hotlines, police and researchers hand them over; streaming, and strict: nobody guesses.

Three forms, told apart by the first line that holds something:

- one hexadecimal digest a line; `#` begins a comment;
- CSV with `,` or `;` and a header that names at least one of md5, sha1, sha256, hash, digest, pdq, phash (in any
  case, with or without dashes), and possibly category and type. All hashes of a row are taken; an empty cell holds
  none; other columns are passed over. A type says of what kind the row's `hash` or `digest` is;
- JSON, as `listjson` tells.

MD5, SHA-1 and SHA-256 may be mixed: the length tells, and a column that names one must hold that. A PDQ is as long as
a SHA-256, so it is one only in a column of that name, or where the type says so. Blank lines, either case, CRLF and a
byte order mark do not matter. The first bad line ends the reading with a ConfigurationError that names file, line and
what it holds.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.entries import DIGESTS, KINDS, ListEntry, ListKind, Reading, unhex
from goodhoster.hashlists.formats.json_lists import looks_like_json, read_json_entries
from goodhoster.model.verdicts import Category

_LONGEST_LINE = 1 << 16  # bytes
_Kinds = Mapping[int, ListKind]
"""Which kinds a hash may be of, by its length in bytes."""
_NAMED: Mapping[str, _Kinds] = {name: {kind.width: kind} for name, kind in KINDS.items()}
_COLUMNS: Mapping[str, _Kinds] = {"hash": DIGESTS, "digest": DIGESTS, **_NAMED}
_TYPES = frozenset({"type", "hashtype", "signaltype", "algorithm"})

_Lines = Iterator[tuple[int, bytes]]


def read_entries(path: Path, category: Category) -> Iterator[ListEntry]:
    """The entries of a list file in its order; `category` stands where the file tells none."""
    try:
        with path.open("rb") as file:
            reading = Reading(path, category)
            yield from (
                read_json_entries(reading, file) if looks_like_json(file) else _entries(reading, _lines(reading, file))
            )
    except OSError as error:
        hint = "check its name, owner and mode"
        raise ConfigurationError(f"cannot read the list file {path}: {error.strerror}", hint=hint) from error


def _lines(reading: Reading, file: BinaryIO) -> _Lines:
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            raise reading.bad(f"line {number}", line, f"is longer than {_LONGEST_LINE} bytes")
        yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _entries(reading: Reading, lines: _Lines) -> Iterator[ListEntry]:
    for number, line in lines:
        text = _content(line)
        if not text:
            continue
        if found := _hash(text, DIGESTS):
            yield ListEntry(*found, reading.category)
            yield from _bare(reading, lines)
        else:
            yield from _csv(reading, number, line, lines)


def _content(line: bytes) -> bytes:
    return line.partition(b"#")[0].strip()


def _hash(text: bytes | str, kinds: _Kinds) -> tuple[ListKind, bytes] | None:
    value = unhex(text)
    kind = None if value is None else kinds.get(len(value))
    return None if value is None or kind is None else (kind, value)


def _bare(reading: Reading, lines: _Lines) -> Iterator[ListEntry]:
    category = reading.category
    for number, line in lines:
        if text := _content(line):
            found = _hash(text, DIGESTS)
            if found is None:
                raise reading.bad(f"line {number}", text, "is not a hexadecimal MD5, SHA-1 or SHA-256 digest")
            yield ListEntry(*found, category)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a CSV file's header says that things are."""

    delimiter: str
    count: int
    hashes: tuple[tuple[int, _Kinds], ...]
    """Position, and what a hash may be there."""
    category: int | None
    type: int | None


def _csv(reading: Reading, number: int, header: bytes, lines: _Lines) -> Iterator[ListEntry]:
    columns = _columns(reading, number, header)
    for at, line in lines:
        if line.lstrip().startswith(b"#"):
            continue
        cells = _cells(reading, at, line, columns.delimiter)
        if any(cells):
            yield from _row(reading, at, cells, columns)


def _columns(reading: Reading, number: int, header: bytes) -> _Columns:
    delimiter = ";" if header.count(b";") > header.count(b",") else ","
    names = [_plain(cell) for cell in _cells(reading, number, header, delimiter)]
    hashes = tuple((at, _COLUMNS[name]) for at, name in enumerate(names) if name in _COLUMNS)
    if not hashes:
        why = "is neither a digest nor a CSV header that names " + ", ".join(_COLUMNS)
        raise reading.bad(f"line {number}", header.strip(), why)
    category = names.index("category") if "category" in names else None
    types = (at for at, name in enumerate(names) if name in _TYPES)
    return _Columns(delimiter, len(names), hashes, category, next(types, None))


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _cells(reading: Reading, number: int, line: bytes, delimiter: str) -> list[str]:
    """The cells of one line. A row never goes over several: a stray quote would swallow digests unseen."""
    text = line.decode("utf-8", "surrogateescape")
    try:
        row = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise reading.bad(f"line {number}", line.strip(), f"is not a CSV row on one line ({error})") from error
    return [cell.strip() for cell in row]


def _row(reading: Reading, number: int, cells: list[str], columns: _Columns) -> Iterator[ListEntry]:
    if any(cells[columns.count :]):
        raise reading.bad(f"line {number}", cells, "has more cells than the header")
    cells = cells + [""] * (columns.count - len(cells))
    filled = [(cells[at], kinds) for at, kinds in columns.hashes if cells[at]]
    if not filled:
        raise reading.bad(f"line {number}", cells, "holds no digest")
    category = _category(reading, number, cells[columns.category] if columns.category is not None else "")
    typed = _typed(cells[columns.type]) if columns.type is not None else None
    for cell, kinds in filled:
        found = _hash(cell, typed if kinds is DIGESTS and typed else kinds)
        if found is None:
            raise reading.bad(f"line {number}", cell, "is not the hexadecimal digest that its column or type names")
        yield ListEntry(*found, category)


def _typed(name: str) -> _Kinds | None:
    """What the row's own type says a hash is; None where it is no kind of hash, such as the type of a file."""
    return _NAMED.get(_plain(name).removeprefix("hash").removeprefix("video"))


def _category(reading: Reading, number: int, name: str) -> Category:
    try:
        return Category(name.lower()) if name else reading.category
    except ValueError:
        raise reading.bad(f"line {number}", name, "is not one of the categories " + ", ".join(Category)) from None
