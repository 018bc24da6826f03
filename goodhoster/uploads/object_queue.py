"""The objects of watched buckets, and those that wait for a check (may be made anew)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from goodhoster.errors import IndexUnavailableError, PassingError
from goodhoster.linux.sqlite_files import connect
from goodhoster.linux.sqlite_migrations import Migration, Schema, upgrade
from goodhoster.model.objects import StoredObject
from goodhoster.uploads.clock_steps import LONGEST_WAIT

FILE = "objects.sqlite"
"""Its name in the state directory."""
_TABLES = """
CREATE TABLE objects (
  bucket TEXT NOT NULL, key BLOB NOT NULL,
  etag TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
  waiting INTEGER NOT NULL, priority INTEGER NOT NULL, due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',      -- why it is unchecked
  seen INTEGER NOT NULL,                -- the listing that last had it
  PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE INDEX objects_due ON objects (bucket, priority, due) WHERE waiting = 1;
CREATE INDEX objects_unchecked ON objects (bucket, reason) WHERE reason <> '';
CREATE TABLE hints (bucket TEXT NOT NULL, key BLOB NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE listings (bucket TEXT PRIMARY KEY, number INTEGER NOT NULL, completed_at REAL) WITHOUT ROWID;
"""
OBJECTS = Schema(
    "the queue of objects", (Migration(1, (_TABLES,)),), hint="delete it: a listing makes it anew", backup=False
)
_BUSY = 10.0
_OBJECTS_PER_CHANGE = 500
_MOST_HINTS = 100_000


class Urgency(IntEnum):
    """What is checked first."""

    KNOWN = 0
    """A source knows its ETag."""
    FRESH = 1
    """The store told of it just now."""
    LISTED = 2


@dataclass(frozen=True, slots=True)
class ObjectJob:
    """An object that waits for a check, as it was listed."""

    bucket: str
    found: StoredObject
    tries: int


class ObjectQueue:
    """The queue. Threads and processes may share it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def hint(self, bucket: str, keys: Sequence[str]) -> None:
        """Note objects that somebody says are new.

        PassingError where too many wait already: nothing is noted, and a listing finds them.
        """
        with self._changing() as db:
            ((waiting,),) = db.execute("SELECT count(*) FROM hints WHERE bucket = ?", (bucket,)).fetchall()
            if waiting + len(keys) > _MOST_HINTS:
                raise PassingError(f"{waiting} hints of bucket {bucket} wait already", hint="is the daemon running?")
            db.executemany("INSERT OR IGNORE INTO hints VALUES (?, ?)", [(bucket, key.encode()) for key in keys])

    def hints(self, bucket: str, most: int) -> list[str]:
        """Objects that somebody said are new."""
        with self._changing() as db:
            rows = db.execute("SELECT key FROM hints WHERE bucket = ? LIMIT ?", (bucket, most)).fetchall()
        return [key.decode() for (key,) in rows]

    def hint_followed(self, bucket: str, key: str, found: StoredObject | None, now: float) -> None:
        """Drop a hint, and have what was found checked unless it was in this state."""
        query = "SELECT etag, size, modified FROM objects WHERE bucket = ? AND key = ?"
        with self._changing() as db:
            db.execute("DELETE FROM hints WHERE bucket = ? AND key = ?", (bucket, key.encode()))
            number = db.execute("SELECT number FROM listings WHERE bucket = ?", (bucket,)).fetchone()
            before = db.execute(query, (bucket, key.encode())).fetchone()
        if found is not None and before != (found.etag, found.size, found.modified):
            self.queue(bucket, number[0] if number else 1, [(found, Urgency.FRESH)], now)

    def begin_listing(self, bucket: str) -> int:
        """The number of a listing that begins."""
        insert = "INSERT INTO listings VALUES (?, 1, NULL) ON CONFLICT DO UPDATE SET number = number + 1"
        with self._changing() as db:
            ((number,),) = db.execute(f"{insert} RETURNING number", (bucket,)).fetchall()
            return int(number)

    def same(self, bucket: str, listing: int, found: Sequence[StoredObject]) -> list[StoredObject]:
        """Those of a listing that are as before and wait for nothing; all count as seen."""
        settled = []
        with self._changing() as db:
            for one in found:
                key = (bucket, one.key.encode())
                db.execute("UPDATE objects SET seen = ? WHERE bucket = ? AND key = ?", (listing, *key))
                query = "SELECT etag, size, modified, waiting FROM objects WHERE bucket = ? AND key = ?"
                if db.execute(query, key).fetchone() == (one.etag, one.size, one.modified, 0):
                    settled.append(one)
        return settled

    def queue(self, bucket: str, listing: int, found: Iterable[tuple[StoredObject, Urgency]], now: float) -> None:
        """Have objects checked; what waits already keeps its time, and may become urgent."""
        insert = """INSERT INTO objects VALUES (?, ?, ?, ?, ?, 1, ?, ?, 0, '', ?) ON CONFLICT DO UPDATE SET
            due = CASE WHEN (etag, size, modified) = (excluded.etag, excluded.size, excluded.modified)
                AND excluded.priority >= priority AND waiting THEN due ELSE excluded.due END,
            tries = CASE WHEN (etag, size, modified) = (excluded.etag, excluded.size, excluded.modified)
                THEN tries ELSE 0 END,
            priority = CASE WHEN waiting THEN min(priority, excluded.priority) ELSE excluded.priority END,
            etag = excluded.etag, size = excluded.size, modified = excluded.modified,
            waiting = 1, seen = excluded.seen"""
        with self._changing() as db:
            for one, urgency in found:
                state = (one.etag, one.size, one.modified)
                db.execute(insert, (bucket, one.key.encode(), *state, int(urgency), now, listing))

    def end_listing(self, bucket: str, listing: int, now: float) -> None:
        """Forget what a whole listing did not have."""
        with self._changing() as db:
            db.execute("DELETE FROM objects WHERE bucket = ? AND seen < ?", (bucket, listing))
            db.execute("UPDATE listings SET completed_at = ? WHERE bucket = ?", (now, bucket))

    def take(self, bucket: str, now: float, most: int) -> list[ObjectJob]:
        """What is due, the most urgent first. It stays in the queue until it is settled."""
        query = """SELECT key, etag, size, modified, tries FROM objects
            WHERE bucket = ? AND waiting = 1 AND due <= ? ORDER BY priority, due LIMIT ?"""
        # Nothing is put off for so long: the clock was ahead.
        late = """UPDATE objects SET due = ? WHERE bucket = ? AND waiting = 1 AND priority = ? AND due > ?"""
        with self._changing() as db:
            for urgency in Urgency:
                db.execute(late, (now, bucket, int(urgency), now + LONGEST_WAIT))
            rows = db.execute(query, (bucket, now, min(most, _OBJECTS_PER_CHANGE))).fetchall()
        return [
            ObjectJob(bucket, StoredObject(key.decode(), etag, size, modified), tries)
            for key, etag, size, modified, tries in rows
        ]

    def settle(self, job: ObjectJob) -> None:
        """Note that it was checked in this state."""
        self._update(job, "waiting = 0, tries = 0, reason = ''", ())

    def leave(self, job: ObjectJob, reason: str) -> None:
        """Note that it stays unchecked in this state."""
        self._update(job, "waiting = 0, reason = ?", (reason,))

    def retry(self, job: ObjectJob, reason: str, due: float) -> None:
        """Have it checked again, at that time; it is unchecked until then."""
        self._update(job, "waiting = 1, tries = tries + 1, reason = ?, due = ?", (reason, due))

    def forget(self, job: ObjectJob) -> None:
        """Remove what is not there any more."""
        with self._changing() as db:
            db.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (job.bucket, job.found.key.encode()))

    def figures(self, bucket: str) -> tuple[int, int]:
        """How many wait for a check, and how many are unchecked."""
        with self._changing() as db:
            waiting = db.execute("SELECT count(*) FROM objects WHERE bucket = ? AND waiting = 1", (bucket,))
            (count,) = waiting.fetchone()
            unchecked = db.execute("SELECT count(*) FROM objects WHERE bucket = ? AND reason <> ''", (bucket,))
            return int(count), int(unchecked.fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _update(self, job: ObjectJob, changes: str, values: tuple[object, ...]) -> None:
        """Only while the object is still listed in the state that was looked at."""
        found = job.found
        this = (job.bucket, found.key.encode(), found.etag, found.size, found.modified)
        where = "WHERE bucket = ? AND key = ? AND etag = ? AND size = ? AND modified = ?"
        with self._changing() as db:
            db.execute(f"UPDATE objects SET {changes} {where}", (*values, *this))  # noqa: S608 - our own texts

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                if self._database is None:
                    self._database = self._opened()
                with self._database:
                    yield self._database
        except sqlite3.Error as error:
            raise IndexUnavailableError(f"{self._file}: {error}", hint="is the disk full?") from error

    def _opened(self) -> sqlite3.Connection:
        with ExitStack() as opening:
            database = opening.enter_context(closing(connect(self._file, timeout=_BUSY, threads=True)))
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            upgrade(database, self._file, OBJECTS)
            opening.pop_all()
        return database
