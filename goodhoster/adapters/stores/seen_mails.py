"""Hashes of the mails that were believed, in a SQLite file of their own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from goodhoster.adapters.stores.database import RecordFile
from goodhoster.linux.sqlite_migrations import ExpiringTable, Migration, Schema
from goodhoster.model.notices import SeenMail

_TABLE = """
CREATE TABLE IF NOT EXISTS first_seen (
  fingerprint BLOB PRIMARY KEY, receipt TEXT NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID;
"""
SEEN_MAILS = Schema(
    "the file of seen mails",
    (Migration(1, (_TABLE,)),),
    hint="restore it from a backup: without it, old notices could be replayed",
)
EXPIRING = (ExpiringTable("first_seen", ("fingerprint",), "at < :before"),)


class SqliteSeenMails:
    """The mails seen so far. Threads may share it; processes may open the file at the same time."""

    def __init__(self, file: Path) -> None:
        self._record = RecordFile(file, SEEN_MAILS)

    def first(self, fingerprint: bytes, mail: SeenMail) -> SeenMail:
        """Record a mail where it is new, and return the first record of it."""
        row = (fingerprint, mail.receipt, mail.at.isoformat())
        with self._record.changing() as db:
            db.execute("INSERT OR IGNORE INTO first_seen VALUES (?, ?, ?)", row)
            query = "SELECT receipt, at FROM first_seen WHERE fingerprint = ?"
            receipt, at = db.execute(query, (fingerprint,)).fetchone()
        return SeenMail(receipt, datetime.fromisoformat(at))

    def close(self) -> None:
        """Close the file."""
        self._record.close()
