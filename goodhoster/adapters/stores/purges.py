"""The queue of purges in a SQLite file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile, time_text
from goodhoster.linux.sqlite_migrations import Migration, Schema
from goodhoster.model.purges import Purge
from goodhoster.ports import ForgottenCustomer

_TABLES = """
CREATE TABLE IF NOT EXISTS purges (
  number INTEGER PRIMARY KEY, about TEXT NOT NULL, due TEXT, tries INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS purges_about ON purges (about);
CREATE INDEX IF NOT EXISTS purges_due ON purges (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS position (bytes INTEGER NOT NULL);
"""
PURGES = Schema(
    "the queue of purges",
    (Migration(1, (_TABLES,)),),
    irreplaceable=True,
    hint="restore it from a backup, or move it away: purges that wait in it are lost then",
)
_VALUES_PER_STATEMENT = 500
"""Question marks in one statement."""


class SqlitePurgeQueue:
    """See `ports.PurgeQueue`."""

    def __init__(self, file: Path) -> None:
        self._record = RecordFile(file, PURGES)

    def position(self) -> int | None:
        """See `ports.PurgeQueue`."""
        return next((int(size) for (size,) in self._record.rows("SELECT bytes FROM position")), None)

    def add(self, purges: Iterable[Purge], position: int) -> None:
        """See `ports.PurgeQueue`."""
        with self._record.changing() as db:
            ((first,),) = db.execute("SELECT coalesce(max(number), 0) + 1 FROM purges").fetchall()
            numbered = [replace(purge, number=number) for number, purge in enumerate(purges, first)]
            rows = [(one.number, one.about, time_text(one.due), one.tries, encode(one)) for one in numbered]
            db.executemany("INSERT INTO purges VALUES (?, ?, ?, ?, ?)", rows)
            db.execute("DELETE FROM position")
            db.execute("INSERT INTO position VALUES (?)", (position,))

    def replace(self, purge: Purge) -> None:
        """See `ports.PurgeQueue`."""
        with self._record.changing() as db:
            values = (time_text(purge.due), purge.tries, encode(purge), purge.number)
            db.execute("UPDATE purges SET due = ?, tries = ?, body = ? WHERE number = ?", values)

    def remove(self, number: int) -> None:
        """See `ports.PurgeQueue`."""
        with self._record.changing() as db:
            db.execute("DELETE FROM purges WHERE number = ?", (number,))

    def due(self, now: datetime, most: int) -> Sequence[Purge]:
        """See `ports.PurgeQueue`."""
        query = "SELECT body FROM purges WHERE due <= ? ORDER BY due, number LIMIT ?"
        return self._purges(query, (time_text(now), most))

    def failing(self) -> Sequence[Purge]:
        """See `ports.PurgeQueue`."""
        return self._purges("SELECT body FROM purges WHERE due IS NOT NULL AND tries > 0 ORDER BY number", ())

    def of(self, about: Iterable[str]) -> Sequence[Purge]:
        """See `ports.PurgeQueue`."""
        wanted, found = list(dict.fromkeys(about)), []
        for begin in range(0, len(wanted), _VALUES_PER_STATEMENT):
            piece = tuple(wanted[begin : begin + _VALUES_PER_STATEMENT])
            marks = ", ".join("?" * len(piece))
            found += self._purges(f"SELECT body FROM purges WHERE about IN ({marks})", piece)  # noqa: S608 - only question marks
        return sorted(found, key=lambda purge: purge.number)

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`.

        A purge that waits keeps its addresses: the cache must forget them first.
        """
        drawn = {one.url: one.drawn for one in customer.urls if not one.elsewhere}
        changed = 0
        with self._record.erasing() as db:
            for about in (*customer.cases, *drawn):
                query = "SELECT number, body FROM purges WHERE about = ? AND due IS NULL"
                for number, body in db.execute(query, (about,)).fetchall():
                    changed += 1
                    name = drawn.get(about, about)
                    purge = replace(decode(Purge, body), about=name, done=(), detail="")
                    update = "UPDATE purges SET about = ?, body = ? WHERE number = ?"
                    db.execute(update, (name, encode(purge), number))
        return changed

    def close(self) -> None:
        """Close the file."""
        self._record.close()

    def _purges(self, query: str, values: tuple[object, ...]) -> list[Purge]:
        return [decode(Purge, body) for (body,) in self._record.rows(query, values)]
