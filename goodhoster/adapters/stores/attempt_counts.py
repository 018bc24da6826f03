"""Counts of the answers at the doors by day (UTC), in a SQLite file of their own.

A process that is killed loses nothing that was added; the power may take the last seconds with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path

from goodhoster.errors import PassingError
from goodhoster.linux.sqlite_files import connect, explained
from goodhoster.linux.sqlite_migrations import ExpiringTable, Migration, Schema, upgrade

FILE = "attempts.sqlite"
"""Its name in the state directory."""
_TABLE = """
CREATE TABLE IF NOT EXISTS attempts (
    day TEXT NOT NULL,
    decision TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, decision)
) WITHOUT ROWID;
"""
ATTEMPT_COUNTS = Schema("the file of the doors' counts", (Migration(1, (_TABLE,)),), hint="it may be deleted")
EXPIRING = (ExpiringTable("attempts", ("day", "decision"), "day < :before", lambda moment: f"{moment:%Y-%m-%d}"),)
_ADD = """
INSERT INTO attempts (day, decision, count) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count
"""
_BUSY = 1.0
"""Seconds that an answer waits for another process that writes."""


class SqliteAttemptCounts:
    """The file of counts. Threads may share it where they call one after another."""

    def __init__(self, file: Path) -> None:
        """Take note of the file; it is made by the first `add`."""
        self._file = file
        self._database: sqlite3.Connection | None = None

    def add(self, day: date, counts: Mapping[str, int]) -> None:
        """Add so many answers to a day; PassingError where that cannot be written now."""
        try:
            if self._database is None:
                self._database = self._opened()
            with self._database:
                self._database.executemany(_ADD, [(day.isoformat(), name, count) for name, count in counts.items()])
        except sqlite3.Error as error:
            raise PassingError(f"{self._file}: {explained(error, self._file)}") from error

    def since(self, day: date) -> Mapping[str, int]:
        """Answers from that day on, by what they said; PassingError where they cannot be read."""
        if not self._file.exists():
            return {}
        query = "SELECT decision, sum(count) FROM attempts WHERE day >= ? GROUP BY decision"
        try:
            with closing(connect(self._file, timeout=_BUSY)) as database:
                return dict(database.execute(query, (day.isoformat(),)).fetchall())
        except sqlite3.Error as error:
            raise PassingError(f"{self._file}: {explained(error, self._file)}") from error

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()

    def _opened(self) -> sqlite3.Connection:
        with ExitStack() as opening:
            database = opening.enter_context(closing(connect(self._file, timeout=_BUSY, threads=True)))
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            upgrade(database, self._file, ATTEMPT_COUNTS)
            opening.pop_all()
        return database
