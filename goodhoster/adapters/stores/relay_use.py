"""When customers last used our hash service, from the file of its usage figures."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time
from pathlib import Path

from goodhoster.errors import PassingError
from goodhoster.linux.sqlite_files import connect, explained


class SqliteRelayUse:
    """See `ports.standing.RelayUse`. An account of the service bears its customer's id."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def last_used(self, customer: str) -> datetime | None:
        """See `ports.standing.RelayUse`: the end of the last day on which a question was answered."""
        if not self._file.exists():
            return None
        try:
            with closing(connect(self._file, read_only=True)) as db:
                row = db.execute("SELECT max(day) FROM last_days WHERE client = ?", (customer,)).fetchone()
        except sqlite3.Error as error:
            raise PassingError(
                f"the usage figures {self._file} cannot be read: {explained(error, self._file)}"
            ) from error
        return datetime.combine(date.fromisoformat(row[0]), time.max, UTC) if row[0] else None
