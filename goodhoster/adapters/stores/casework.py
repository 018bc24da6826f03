"""Notes on cases and notices, and who works on them, in a SQLite file of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from goodhoster.adapters.stores.database import RecordFile, time_text
from goodhoster.errors import RefusedError
from goodhoster.linux.sqlite_migrations import ExpiringTable, Migration, Schema
from goodhoster.model.casework import Assignment, Note
from goodhoster.ports import ForgottenCustomer

FILE = "casework.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS notes (
  number INTEGER PRIMARY KEY, subject TEXT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS notes_subject ON notes (subject);
CREATE TABLE IF NOT EXISTS assignments (
  subject TEXT PRIMARY KEY, person TEXT NOT NULL, given_by TEXT NOT NULL, since TEXT NOT NULL
) WITHOUT ROWID;
"""
CASEWORK = Schema("the record of casework", (Migration(1, (_TABLES,)),), irreplaceable=True)
EXPIRING = (
    ExpiringTable("notes", ("number",), "at < :before"),
    ExpiringTable("assignments", ("subject",), "since < :before"),
)


class SqliteCaseworkStore:
    """See `ports.CaseworkStore`."""

    def __init__(self, file: Path) -> None:
        self._record = RecordFile(file, CASEWORK)

    def add(self, note: Note) -> None:
        """See `ports.CaseworkStore`."""
        with self._record.changing() as db:
            values = (note.subject, note.author, note.text, time_text(note.at))
            db.execute("INSERT INTO notes (subject, author, text, at) VALUES (?, ?, ?, ?)", values)

    def notes(self, subject: str) -> Sequence[Note]:
        """See `ports.CaseworkStore`."""
        query = "SELECT subject, author, text, at FROM notes WHERE subject = ? ORDER BY number"
        rows = self._record.rows(query, (subject,))
        return [Note(of, author, text, datetime.fromisoformat(at)) for of, author, text, at in rows]

    def noted(self) -> frozenset[str]:
        """See `ports.CaseworkStore`."""
        return frozenset(subject for (subject,) in self._record.rows("SELECT DISTINCT subject FROM notes"))

    def assign(self, assignment: Assignment, *, expected: str) -> None:
        """See `ports.CaseworkStore`."""
        values = (assignment.subject, assignment.person, assignment.given_by, time_text(assignment.since))
        with self._record.changing() as db:
            db.execute("BEGIN IMMEDIATE")
            found = db.execute("SELECT person FROM assignments WHERE subject = ?", (assignment.subject,)).fetchall()
            has = found[0][0] if found else ""
            if has == expected:
                db.execute("INSERT OR REPLACE INTO assignments VALUES (?, ?, ?, ?)", values)
        if has != expected:
            hint = "look again, and repeat the command if it is still right"
            raise RefusedError(f"{has or 'nobody'} works on {assignment.subject} now", hint=hint)

    def assignment(self, subject: str) -> Assignment | None:
        """See `ports.CaseworkStore`."""
        query = "SELECT subject, person, given_by, since FROM assignments WHERE subject = ?"
        for of, person, given_by, since in self._record.rows(query, (subject,)):
            return Assignment(of, person, given_by, datetime.fromisoformat(since))
        return None

    def assigned(self) -> Mapping[str, str]:
        """See `ports.CaseworkStore`."""
        return dict(self._record.rows("SELECT subject, person FROM assignments"))

    def erase(self, subjects: Iterable[str]) -> int:
        """Erase the notes and assignments of cases and notices; returns how many."""
        gone = 0
        with self._record.erasing() as db:
            for subject in subjects:
                gone += db.execute("DELETE FROM notes WHERE subject = ?", (subject,)).rowcount
                gone += db.execute("DELETE FROM assignments WHERE subject = ?", (subject,)).rowcount
        return gone

    def close(self) -> None:
        """Close the file."""
        self._record.close()


class CaseworkTraces:
    """See `ports.CustomerTraces`, for notes on a customer's cases and settled notices.

    A notice of which something is still needed keeps its notes: who works on it needs them.
    """

    def __init__(self, store: SqliteCaseworkStore) -> None:
        self._store = store

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`."""
        named = [*customer.notices, *(url.notice for url in customer.urls)]
        notices = [notice for notice in dict.fromkeys(named) if notice not in customer.notices_kept]
        return self._store.erase([*customer.cases, *notices])
