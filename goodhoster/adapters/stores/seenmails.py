"""Fingerprints of the mails that were believed, in a SQLite file of their own."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from goodhoster.errors import ConfigurationError


class SqliteSeenMails:
    """Threads may share it; processes may open the file side by side."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(file, check_same_thread=False, timeout=30)
            self._db.executescript(
                """PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                CREATE TABLE IF NOT EXISTS seen (fingerprint BLOB PRIMARY KEY, receipt TEXT NOT NULL) WITHOUT ROWID;"""
            )
        except sqlite3.DatabaseError as error:
            hint = "restore it from a backup: without it, old notices could be replayed"
            raise ConfigurationError(f"the file of seen mails {file} cannot be used: {error}", hint=hint) from error

    def first_time(self, fingerprint: bytes, receipt: str) -> bool:
        """Note it where it is new; the first receipt stays."""
        with self._lock, self._db:
            self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (fingerprint, receipt))
            row = self._db.execute("SELECT receipt FROM seen WHERE fingerprint = ?", (fingerprint,)).fetchone()
        return bool(row[0] == receipt)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
