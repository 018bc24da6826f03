"""Everything that the record of customers holds of one customer, whatever subject keeps it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

from goodhoster.adapters.stores.database import RecordFile

_BY_ID = frozenset({"customers", "screening_compared"})
"""Tables that have the customer as `id`; all others have it as `customer`."""


TABLES = "CREATE TABLE unlogged_erasures (name TEXT PRIMARY KEY, note TEXT NOT NULL) WITHOUT ROWID;"


class SqlitePersonalData:
    """See `ports.PersonalDataStore`.

    A table with a column `customer` is covered without further ado.
    """

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def held(self, customer_ids: Sequence[str]) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """See `ports.PersonalDataStore`."""
        found = {}
        for table, column, names in self._tables():
            marks = ", ".join("?" * len(customer_ids))
            rows = self._record.rows(f"SELECT * FROM {table} WHERE {column} IN ({marks})", tuple(customer_ids))  # noqa: S608 - our own names
            if rows:
                found[table] = [dict(zip(names, map(_plain, row), strict=True)) for row in rows]
        return found

    def erase(self, customer_ids: Sequence[str], name: str, note: Mapping[str, str | int]) -> Mapping[str, int]:
        """See `ports.PersonalDataStore`."""
        tables, marks = self._tables(), ", ".join("?" * len(customer_ids))
        with self._record.erasing() as db:
            db.execute(
                f"""DELETE FROM site_aliases WHERE (origin, host) IN
                (SELECT origin, host FROM sites WHERE customer IN ({marks}))""",  # noqa: S608 - our own names
                tuple(customer_ids),
            )
            gone = {
                table: db.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", tuple(customer_ids)).rowcount  # noqa: S608 - our own names
                for table, column, _ in tables
            }
            db.execute("UPDATE register_generation SET number = number + 1")
            text = json.dumps({**note, "rows": sum(gone.values())})
            db.execute("INSERT INTO unlogged_erasures (name, note) VALUES (?, ?)", (name, text))
        return {table: count for table, count in gone.items() if count}

    def unlogged(self) -> Mapping[str, Mapping[str, str | int]]:
        """See `ports.PersonalDataStore`."""
        found = {name: json.loads(note) for name, note in self._record.rows("SELECT name, note FROM unlogged_erasures")}
        if found:
            with self._record.erasing():
                pass  # a crash may have come before the write-ahead log was emptied
        return found

    def note_logged(self, name: str) -> None:
        """See `ports.PersonalDataStore`."""
        with self._record.changing() as db:
            db.execute("DELETE FROM unlogged_erasures WHERE name = ?", (name,))

    def _tables(self) -> list[tuple[str, str, list[str]]]:
        """Each table that names customers, with the column that does and all its columns."""
        found = []
        for (table,) in self._record.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"):
            columns = [row[1] for row in self._record.rows(f"PRAGMA table_info ({table})")]
            column = "id" if table in _BY_ID else "customer"
            if column in columns:
                found.append((table, column, columns))
        return found


def _plain(value: object) -> object:
    """A value as JSON carries it; bytes that are no text as Base64."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
