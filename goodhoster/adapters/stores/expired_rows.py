"""Deletion of expired rows, a page at a time.

No other writer waits longer than for one page.

A table is gone through by its key, so that no column needs an index for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from goodhoster.adapters.stores.database import RecordFile
from goodhoster.linux.sqlite_migrations import ExpiringTable

PAGE = 500
"""Rows read, and deleted at most, in one transaction: some milliseconds."""


def delete_expired(record: RecordFile, table: ExpiringTable, moment: datetime, pause: Callable[[], bool]) -> int:
    """Delete the rows that expired before a moment; returns how many.

    `pause` is called between two pages and says whether to stop there.
    """
    key = ", ".join(table.key)
    marks = ", ".join(f":k{number}" for number in range(len(table.key)))
    before = {"before": table.before(moment)}
    read = f"SELECT {key}, {table.expired} FROM {table.name}"  # noqa: S608 - our own texts
    delete = f"DELETE FROM {table.name} WHERE ({key}) = ({marks}) AND {table.expired}"  # noqa: S608 - our own texts
    after: dict[str, Any] = {}
    deleted = 0
    while True:
        beyond = f"WHERE ({key}) > ({marks})" if after else ""
        rows = record.rows(f"{read} {beyond} ORDER BY {key} LIMIT {PAGE}", before | after)
        if old := [before | _named(row) for row in rows if row[-1]]:
            with record.changing() as db:
                deleted += sum(db.execute(delete, each).rowcount for each in old)
        if len(rows) < PAGE or pause():
            return deleted
        after = _named(rows[-1])


def _named(row: tuple[Any, ...]) -> dict[str, Any]:
    return {f"k{number}": value for number, value in enumerate(row[:-1])}
