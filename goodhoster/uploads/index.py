"""The file index and the durable queue in one: what is there, in which state it was checked, and what waits.

Machine-local SQLite: it survives `kill -9` at any point, and may be deleted (a scan rebuilds it). It is not the record;
cases are. One row per file: a row that waits is handed out to one worker at a time, and a hint that arrives while the
file is being checked makes it wait again.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from goodhoster.errors import ConfigurationError
from goodhoster.model.digests import Digests
from goodhoster.model.uploads import Content, FileState, Place
from goodhoster.model.verdicts import Kind, Verdict, VerdictKind
from goodhoster.uploads.integers import signed, unsigned

_SCHEMA = """
CREATE TABLE IF NOT EXISTS uploads (
  tree BLOB NOT NULL, path BLOB NOT NULL, customer TEXT NOT NULL,
  waiting INTEGER NOT NULL,           -- 1: is to be checked
  hints INTEGER NOT NULL DEFAULT 1,   -- grows with every hint: a check settles only what it took
  priority INTEGER NOT NULL, due REAL NOT NULL, since REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  dev INTEGER, ino INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,
  kind TEXT, md5 BLOB, sha1 BLOB, sha256 BLOB,
  verdict TEXT, reason TEXT, detail TEXT, matches TEXT, checked_at REAL,
  PRIMARY KEY (tree, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_waiting ON uploads (priority, due) WHERE waiting = 1;
CREATE INDEX IF NOT EXISTS uploads_verdict ON uploads (verdict);
CREATE INDEX IF NOT EXISTS uploads_content ON uploads (sha256) WHERE sha256 IS NOT NULL;  -- see contents.py
CREATE INDEX IF NOT EXISTS uploads_inode ON uploads (ino) WHERE ino IS NOT NULL;
"""
_VERSION = 1
Row = tuple[Any, ...]


class Priority(IntEnum):
    """Lower is sooner."""

    FRESH = 1
    SCAN = 2


@dataclass(frozen=True, slots=True)
class Arrival:
    """A place where something may have changed; nothing more is believed."""

    place: Place
    customer: str
    due: float
    """Not to be looked at before this time, seconds since the epoch."""
    priority: Priority


@dataclass(frozen=True, slots=True)
class Job:
    """A row that one worker has in hand."""

    place: Place
    customer: str
    hints: int
    tries: int
    since: float
    remembered: tuple[FileState, Content] | None
    """What the last read found, in that state: an unchanged file is not read again only to ask again."""
    verdict: VerdictKind | None
    """The verdict of that state, when it was checked before."""


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """Counts for `status`."""

    waiting: int
    oldest: float | None
    """Since when the longest waiting row waits, seconds since the epoch."""
    verdicts: dict[str, int]
    reasons: dict[str, int]
    """Unchecked rows by reason code."""


class UploadIndex:
    """The index of one machine. Threads may share it; processes may open it side by side."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.RLock()
        self._in_hand: set[Place] = set()
        self._db = _connect(file)

    def expect(self, arrivals: Iterable[Arrival]) -> None:
        """Make these places wait for a check; all or none survive a `kill -9` when this returns."""
        rows = [(a.place.tree, a.place.path, a.customer, a.priority, a.due, a.due) for a in arrivals]
        with self._lock, self._db:
            self._db.executemany(
                """INSERT INTO uploads (tree, path, customer, waiting, priority, due, since)
                VALUES (?, ?, ?, 1, ?, ?, ?)
                ON CONFLICT DO UPDATE SET hints = hints + 1, customer = excluded.customer, tries = 0,
                  priority = CASE waiting WHEN 1 THEN min(priority, excluded.priority) ELSE excluded.priority END,
                  since = CASE waiting WHEN 1 THEN since ELSE excluded.since END, due = excluded.due, waiting = 1""",
                rows,
            )

    def checked(self, place: Place, state: FileState) -> bool:
        """Has this place a verdict in exactly this state, or does it wait for one already?"""
        row = self._one(
            "SELECT waiting, dev, ino, size, mtime_ns, ctime_ns FROM uploads WHERE tree = ? AND path = ?",
            (place.tree, place.path),
        )
        return row is not None and (row[0] == 1 or row[1:] == _state_row(state))

    def take(self, now: float, count: int) -> list[Job]:
        """Up to `count` rows that are due, most urgent first; each stays in hand until settled or given back."""
        with self._lock:
            jobs: list[Job] = []
            for priority in Priority:
                if len(jobs) < count:
                    jobs += self._take(priority, now, count - len(jobs))
            return jobs

    def _take(self, priority: Priority, now: float, count: int) -> list[Job]:
        rows = self._db.execute(
            f"SELECT {_JOB} FROM uploads WHERE waiting = 1 AND priority = ? AND due <= ? ORDER BY due LIMIT ?",  # noqa: S608
            (priority, now, count + len(self._in_hand)),
        )
        jobs = [job for job in map(_job, rows) if job.place not in self._in_hand][:count]
        self._in_hand.update(job.place for job in jobs)
        return jobs

    def record(self, job: Job, found: tuple[FileState | None, Content | None], verdict: Verdict, now: float) -> None:
        """Note what a check found. The row goes on waiting until it is settled."""
        state, content = found
        self._change(
            """dev = ?, ino = ?, size = ?, mtime_ns = ?, ctime_ns = ?, kind = ?, md5 = ?, sha1 = ?, sha256 = ?,
            verdict = ?, reason = ?, detail = ?, matches = ?, checked_at = ?""",
            (*_state_row(state), *_content_row(content), *_verdict_row(verdict), now),
            job,
        )

    def settle(self, job: Job) -> None:
        """The row's outcome is recorded: it waits no longer, unless a newer hint came."""
        with self._putting_down(job):
            self._change("waiting = 0, tries = 0", (), job)

    def retry(self, job: Job, due: float) -> None:
        """Let the row wait until `due`, unless a newer hint came."""
        with self._putting_down(job):
            self._change("due = ?, tries = tries + 1", (due,), job)

    def give_back(self, job: Job) -> None:
        """Hand the row to somebody else, as if it had not been taken."""
        with self._lock:
            self._in_hand.discard(job.place)

    def forget(self, job: Job) -> None:
        """There is no file (any more). A row whose file was found known stays as the trace of it."""
        with self._putting_down(job), self._lock, self._db:
            key = (job.place.tree, job.place.path, job.hints)
            same = "WHERE tree = ? AND path = ? AND hints = ?"
            self._db.execute(f"DELETE FROM uploads {same} AND verdict IS NOT 'known'", key)  # noqa: S608
            self._db.execute(f"UPDATE uploads SET waiting = 0 {same}", key)  # noqa: S608

    def wake(self, now: float) -> int:
        """A source answers again: what waits for a retry is due now. Returns how many that are."""
        with self._lock, self._db:
            return self._db.execute(
                "UPDATE uploads SET due = ? WHERE waiting = 1 AND tries > 0 AND due > ?", (now, now)
            ).rowcount

    def untried_below(self, tree: bytes, prefix: bytes = b"") -> int:
        """How many rows below a directory of the tree wait and were not looked at since their newest hint."""
        low, high = (prefix + b"/", prefix + b"0") if prefix else (b"", b"\xff" * 300)
        row = self._one(
            "SELECT count(*) FROM uploads WHERE waiting = 1 AND tries = 0 AND tree = ? AND path >= ? AND path < ?",
            (tree, low, high),
        )
        return int(row[0]) if row else 0

    def verdict_counts_below(self, tree: bytes, prefix: bytes = b"") -> dict[str, int]:
        """Recorded verdicts at or below a directory of the tree."""
        low, high = (prefix + b"/", prefix + b"0") if prefix else (b"", b"\xff" * 300)
        query = """SELECT verdict, count(*) FROM uploads
            WHERE verdict IS NOT NULL AND tree = ? AND path >= ? AND path < ? GROUP BY verdict"""
        with self._lock:
            return dict(self._db.execute(query, (tree, low, high)).fetchall())

    def known_before(self, tree: bytes, prefix: bytes, moment: float) -> list[bytes]:
        """Paths at or below a directory of the tree whose file was found known, and not looked at since a moment."""
        low, high = (prefix + b"/", prefix + b"0") if prefix else (b"", b"\xff" * 300)
        query = """SELECT path FROM uploads
            WHERE verdict = 'known' AND checked_at < ? AND tree = ? AND path >= ? AND path < ?"""
        with self._lock:
            return [row[0] for row in self._db.execute(query, (moment, tree, low, high))]

    def figures(self) -> IndexFigures:
        """Counts over everything."""
        with self._lock:
            waiting, oldest = self._db.execute("SELECT count(*), min(since) FROM uploads WHERE waiting = 1").fetchone()
            verdicts = "SELECT verdict, count(*) FROM uploads WHERE verdict IS NOT NULL GROUP BY verdict"
            reasons = "SELECT reason, count(*) FROM uploads WHERE verdict = 'unchecked' GROUP BY reason"
            return IndexFigures(
                waiting, oldest, dict(self._db.execute(verdicts).fetchall()), dict(self._db.execute(reasons).fetchall())
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _change(self, assignments: str, values: Row, job: Job) -> None:
        with self._lock, self._db:
            self._db.execute(
                f"UPDATE uploads SET {assignments} WHERE tree = ? AND path = ? AND hints = ?",  # noqa: S608 - our own texts
                (*values, job.place.tree, job.place.path, job.hints),
            )

    @contextmanager
    def _putting_down(self, job: Job) -> Iterator[None]:
        """The job is out of hand afterwards, also when the disk is full: then the row waits on as it was."""
        try:
            yield
        finally:
            self.give_back(job)

    def _one(self, query: str, values: Row) -> Row | None:
        with self._lock:
            row: Row | None = self._db.execute(query, values).fetchone()
            return row


_JOB = """tree, path, customer, hints, tries, since, verdict,
  dev, ino, size, mtime_ns, ctime_ns, kind, md5, sha1, sha256"""


def _connect(file: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(file, check_same_thread=False, timeout=30)
        db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000;")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in {0, _VERSION}:
            raise ConfigurationError(
                f"{file} was written by another version ({version})", hint="delete it: a scan rebuilds it"
            )
        db.executescript(_SCHEMA + f"PRAGMA user_version = {_VERSION};")
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(
            f"the index {file} cannot be used: {error}", hint="delete it: a scan rebuilds it"
        ) from error
    return db


def _job(row: Row) -> Job:
    tree, path, customer, hints, tries, since, verdict, *rest = row
    kind = VerdictKind(verdict) if verdict else None
    return Job(Place(tree, path), customer, hints, tries, since, _remembered(rest), kind)


def _remembered(columns: list[Any]) -> tuple[FileState, Content] | None:
    dev, ino, size, mtime_ns, ctime_ns, kind, md5, sha1, sha256 = columns
    if sha256 is None:
        return None
    state = FileState(dev, unsigned(ino), size, mtime_ns, ctime_ns)
    return state, Content(Digests(md5, sha1, sha256), Kind(kind), size)


def _state_row(state: FileState | None) -> Row:
    if state is None:
        return (None,) * 5
    return state.dev, signed(state.ino), state.size, signed(state.mtime_ns), signed(state.ctime_ns)


def _content_row(content: Content | None) -> Row:
    if content is None:
        return (None,) * 4
    return content.kind, content.digests.md5, content.digests.sha1, content.digests.sha256


def _verdict_row(verdict: Verdict) -> tuple[str, str, str, str]:
    matches = [[m.source, m.algorithm, m.category, m.distance] for m in verdict.matches]
    return verdict.kind, verdict.reason, verdict.detail, json.dumps(matches)
