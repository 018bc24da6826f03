"""Reads lists in SQLite: NSRL RDS version 3, Autopsy hash sets, any table of hash columns."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from goodhoster.hashlists.entries import ListEntry, ListKind, Reading
from goodhoster.hashlists.formats.vocabulary import decoded, kind_named

MAGIC = b"SQLite format 3\0"
_LARGEST_VALUE = 1 << 20  # bytes of a value or a statement of the file's own
_SMALLEST_ROW = 16  # bytes that a row with a hash takes at least: pages that are linked in circles give more


def read_database(reading: Reading) -> Iterator[ListEntry]:
    """Read the hashes of all tables.

    ConfigurationError when there are none, or when the database cannot be read.
    """
    for row in read_contents(reading):
        yield from (ListEntry(kind, value, reading.category) for kind, value in row.items())


def read_contents(reading: Reading) -> Iterator[dict[ListKind, bytes]]:
    """Read the hashes of each content by kind. ConfigurationError as `read_database`."""
    path = reading.path
    if not path.is_file():
        raise reading.unusable("is an SQLite database through a pipe", "name the file itself")
    if any(_size(path, ending) for ending in ("-wal", "-journal")):
        raise reading.unusable("is an SQLite database in use", "close the program that writes it")
    uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as database:
            yield from _tables(reading, database)
    except sqlite3.Error as error:
        raise reading.unusable(f"cannot be read as an SQLite database: {error}", "fetch it again") from error


def _size(path: Path, ending: str) -> int:
    beside = path.with_name(path.name + ending)
    return beside.stat().st_size if beside.exists() else 0


def _tables(reading: Reading, database: sqlite3.Connection) -> Iterator[dict[ListKind, bytes]]:
    # Whoever made the file chose its schema too: none of its functions, views and modules is to run.
    database.execute("PRAGMA trusted_schema = OFF")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
    schema = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall()
    tables = [name for name, sql in schema if _is_plain(sql)]
    found = {name: columns for name in sorted(tables) if (columns := _columns(database, name))}
    if not found:
        raise reading.unusable("has no table with a column md5, sha1 or sha256", "look at what is in it")
    reading.is_list = True
    for name, columns in found.items():
        yield from _rows(reading, database, name, columns)


def _is_plain(sql: str | None) -> bool:
    return not re.match(r"CREATE\s+VIRTUAL", sql or "", re.IGNORECASE)


def _columns(database: sqlite3.Connection, table: str) -> dict[str, ListKind]:
    names = [row[1] for row in database.execute(f"PRAGMA table_info({_quoted(table)})")]
    return {name: kind for name in names if (kind := kind_named(name))}


def _rows(
    reading: Reading, database: sqlite3.Connection, table: str, columns: dict[str, ListKind]
) -> Iterator[dict[ListKind, bytes]]:
    kinds = list(columns.values())
    most = reading.path.stat().st_size // _SMALLEST_ROW
    selected = ", ".join(map(_quoted, columns))
    for number, row in enumerate(database.execute(f"SELECT {selected} FROM {_quoted(table)}"), 1):  # noqa: S608 - quoted
        if number > most:
            raise reading.unusable("is damaged: it has more rows than have room in it", "fetch it again")
        if not any(row):
            raise reading.bad(f"table {table}, row {number}", row, "holds no digest")
        where = f"table {table}, row {number}"
        yield {kind: _hash(reading, where, cell, kind) for kind, cell in zip(kinds, row, strict=True) if cell}


def _hash(reading: Reading, where: str, cell: object, kind: ListKind) -> bytes:
    value = cell if isinstance(cell, bytes) else decoded(str(cell), kind)
    if value is None or len(value) != kind.width:
        raise reading.bad(where, cell, f"is not a hexadecimal {kind}")
    return value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
