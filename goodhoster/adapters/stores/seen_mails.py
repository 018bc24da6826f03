"""Fingerprints of the mails that were believed, in a SQLite file of their own."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

from goodhoster.errors import ConfigurationError
from goodhoster.model.notices import SeenMail

_SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS first_seen (
  fingerprint BLOB PRIMARY KEY, receipt TEXT NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID;
"""


class SqliteSeenMails:
    """Threads may share it; processes may open the file side by side."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        try:
            with ExitStack() as opening:
                db = opening.enter_context(closing(sqlite3.connect(file, check_same_thread=False, timeout=30)))
                db.executescript(_SCHEMA)
                opening.pop_all()
            self._db = db
        except sqlite3.DatabaseError as error:
            hint = "restore it from a backup: without it, old notices could be replayed"
            raise ConfigurationError(f"the file of seen mails {file} cannot be used: {error}", hint=hint) from error

    def first(self, fingerprint: bytes, mail: SeenMail) -> SeenMail:
        """Note it where it is new; the first one stays."""
        row = (fingerprint, mail.receipt, mail.at.isoformat())
        with self._lock, self._db:
            self._db.execute("INSERT OR IGNORE INTO first_seen VALUES (?, ?, ?)", row)
            query = "SELECT receipt, at FROM first_seen WHERE fingerprint = ?"
            receipt, at = self._db.execute(query, (fingerprint,)).fetchone()
        return SeenMail(receipt, datetime.fromisoformat(at))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
