"""File index and durable queue: known files, their last checked state, and what waits.

One row per file: a row that waits is handed out to one worker at a time, and a hint that arrives while the file is
being checked makes it wait again. Rows are taken by priority, and within one priority the customers alternate.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from goodhoster.errors import IndexUnavailableError
from goodhoster.model.content_kinds import is_picture
from goodhoster.model.uploads import POSTPONED, Content, FileState, Place
from goodhoster.model.verdicts import SourceAnswer, Verdict
from goodhoster.ports import ForgottenCustomer
from goodhoster.uploads import clock_steps
from goodhoster.uploads.census import count_check
from goodhoster.uploads.clock_steps import ClockReading, read_clock
from goodhoster.uploads.database import Database
from goodhoster.uploads.inventory import Inventory
from goodhoster.uploads.queue import PutOff, Queue
from goodhoster.uploads.retro_match import SeenContents
from goodhoster.uploads.rows import (
    BELOW,
    Arrival,
    IndexFigures,
    Job,
    Priority,
    Row,
    RowWait,
    answer_set_of,
    answers_of,
    below,
    content_row,
    joined,
    key_of,
    state_row,
    verdict_row,
)

__all__ = ["Arrival", "IndexFigures", "IndexUnavailableError", "Job", "Priority", "UploadIndex"]

LIMIT = 5_000_000
"""So many rows may wait; each takes some 250 bytes of disk."""
_COUNT_EVERY = 1.0  # seconds; counting a million takes some milliseconds
_ROW = "WHERE directory = (SELECT id FROM directories WHERE tree = ? AND path = ?) AND name = ?"
_RECORD = f"""
UPDATE uploads SET dev = ?, ino = ?, size = ?, mtime_ns = ?, ctime_ns = ?,
  kind = ?, md5 = ?, sha1 = ?, sha256 = ?, fingerprints = ?, members = ?, fault = ?,
  verdict = ?, reason = ?, detail = ?, matches = ?, checked_at = ?,
  answered = (SELECT id FROM answer_sets WHERE sources = ?)
{_ROW}"""  # noqa: S608 - our own texts


class UploadIndex:
    """The index of one machine. Threads may share it; processes may open it side by side.

    Every call may raise IndexUnavailableError. A damaged or deleted file is replaced by an empty one under way: see
    `rebuilt`.
    """

    def __init__(self, file: Path, limit: int = LIMIT, clock: Callable[[], ClockReading] = read_clock) -> None:
        self._limit = limit
        self._clock = clock
        self._clock_followed: ClockReading | None = None
        self._counted = (0.0, 0)
        self._queue = Queue()
        self._answer_sets: set[str] = set()
        """Those that the file has, so that not every check writes its own again."""
        self.database = Database(file)
        self.database.rebuilt = self._start_anew
        self.inventory = Inventory(self.database, self._forget_vanished, self._in_hand)
        """For the comparison with the disk."""
        self.seen = SeenContents(self.database)
        """For the comparison with lists that grow."""
        self.rebuilt: Callable[[str], None] = lambda _: None
        """Called, with the reason in words, when everything must be scanned anew."""

    def _start_anew(self, reason: str) -> None:
        self._queue = Queue()
        self._answer_sets.clear()
        self._clock_followed = None
        self.rebuilt(reason)

    def _forget_vanished(self, customer: str) -> None:
        self._queue.forget_vanished(customer)

    def _in_hand(self, tree: bytes, directory: bytes, name: bytes) -> bool:
        return self._queue.in_hand(Place(tree, joined(directory, name)))

    def expect(self, arrivals: Iterable[Arrival], now: float) -> None:
        """Make these places wait for a check; all or none survive a `kill -9` when this returns."""
        in_order = sorted(arrivals, key=lambda arrival: arrival.due)

        def expect(db: sqlite3.Connection) -> None:
            numbers = _Directories(db)
            self._queue.add(db, [(*numbers.locate(arrival), arrival) for arrival in in_order], now)

        self._follow_clock(now)
        self.database.run(expect)

    def expect_in_hand(self, now: float) -> None:
        """Have the files that workers of this process are checking checked once more."""
        jobs = self._queue.in_progress()
        self.expect([Arrival(job.place, job.customer, now, Priority.FRESH) for job in jobs], now)

    def full(self, share: float = 1.0) -> bool:
        """Whether so many rows wait that this share of the limit is reached."""
        at, waiting = self._counted
        if time.monotonic() - at > _COUNT_EVERY:
            waiting = self.database.run(_count_waiting)
            self._counted = (time.monotonic(), waiting)
        return waiting >= self._limit * share

    def take(self, now: float, count: int) -> list[Job]:
        """Take up to `count` due rows, most urgent first.

        Each stays assigned until settled or given back.
        """
        self._follow_clock(now)
        return self.database.run(lambda db: self._queue.take(db, now, count))

    def _follow_clock(self, now: float) -> None:
        reading = self._clock()
        if self._clock_followed is None or clock_steps.is_step(self._clock_followed, reading):
            self.database.run(lambda db: clock_steps.follow(db, reading, now))
            self._clock_followed = reading

    def record(self, job: Job, found: tuple[FileState | None, Content | None], verdict: Verdict, now: float) -> None:
        """Record what a check found of this state, also when a newer hint came meanwhile.

        The file may be gone by now. The row goes on waiting until it is settled.
        """
        state, content = found
        answered = answer_set_of(verdict)
        asked = self.seen.ask_everything or content is None or is_picture(content.kind, job.place.path)
        left_out = not asked
        values = (*state_row(state), *content_row(content), *verdict_row(verdict), now, answered, *key_of(job.place))

        def record(db: sqlite3.Connection) -> None:
            count_check(db, verdict, now, left_out=left_out)
            if answered and answered not in self._answer_sets:
                db.execute("INSERT OR IGNORE INTO answer_sets (sources) VALUES (?)", (answered,))
            db.execute(_RECORD, values)

        self.database.run(record)
        if answered:
            self._answer_sets.add(answered)

    def answered(self, place: Place) -> tuple[SourceAnswer, ...]:
        """Sources that answered when that file was last checked.

        Empty when none did, or the check was before that was recorded.
        """
        query = f"SELECT (SELECT sources FROM answer_sets WHERE id = answered) FROM uploads {_ROW}"  # noqa: S608 - our own texts
        rows = self.database.run(lambda db: db.execute(query, key_of(place)).fetchall())
        return answers_of(rows[0][0]) if rows else ()

    def forget_unused_answer_sets(self, pause: Callable[[], bool]) -> int:
        """Delete the sets of answers that no file has any more; returns how many.

        Each version of a list makes one. The index is read a page at a time; `pause` is called between two and says
        whether to stop there. Where another process uses one of them just then, its file is asked about again.
        """
        newest = self.database.run(lambda db: db.execute("SELECT max(id) FROM answer_sets").fetchone()[0])
        used = self.seen.answer_sets_in_use(pause)
        if used is None:
            return 0

        def forget(db: sqlite3.Connection) -> int:
            there = db.execute("SELECT id FROM answer_sets WHERE id < ?", (newest or 0,)).fetchall()
            unused = [row for row in there if row[0] not in used]
            self._answer_sets.clear()  # what is written from now on finds out whether its set is there
            return sum(db.execute("DELETE FROM answer_sets WHERE id = ?", row).rowcount for row in unused)

        return self.database.run(forget)

    def settle(self, job: Job) -> None:
        """End the row's waiting after its outcome is recorded, unless a newer hint came."""
        with self._releasing(job):
            self._change(f"waiting = {RowWait.NOTHING:d}, tries = 0", (), job)

    def retry(self, job: Job, due: float) -> None:
        """Let the row wait until `due`, unless a newer hint came."""
        with self._releasing(job):
            self._change(f"waiting = {RowWait.DUE:d}, due = ?, tries = tries + 1", (due,), job)

    def postpone(self, job: Job, due: float) -> None:
        """Let a row that cannot be checked yet wait until `due`, which counts as no try."""
        with self._releasing(job):
            self._change(f"waiting = {RowWait.DUE:d}, due = ?", (due,), job)

    def give_back(self, job: Job) -> None:
        """Return the row to the queue, as if it had not been taken."""
        self._queue.release(job)

    def forget(self, job: Job) -> None:
        """Remove a file that is not there (any more).

        A row whose file was found known stays as the trace of it.
        """
        key = (*key_of(job.place), job.generation)

        def forget(db: sqlite3.Connection) -> None:
            db.execute(f"DELETE FROM uploads {_ROW} AND hints = ? AND verdict IS NOT 'known'", key)  # noqa: S608
            db.execute(f"UPDATE uploads SET waiting = {RowWait.NOTHING:d} {_ROW} AND hints = ?", key)  # noqa: S608

        with self._releasing(job):
            self.database.run(forget)

    def wake(self, now: float) -> int:
        """Make ready what waits for a retry, and not for its own fault: a source answers again.

        Returns how many rows that are. Other transactions run between the pieces in which this is done.
        """
        after: PutOff | None = PutOff(now)
        woken = 0
        while after is not None:
            ready, after = self.database.run(partial(self._queue.wake, after=after))
            woken += ready
        return woken

    def untried_below(self, tree: bytes, prefix: bytes = b"") -> int:
        """Number of waiting rows below a directory that were not tried since their newest hint.

        The directory is one of the tree; tried means that the file was looked at.
        """
        query = f"SELECT count(*) FROM ({_UNTRIED}) JOIN directories ON id = directory WHERE {BELOW}"  # noqa: S608
        return self.database.run(lambda db: int(db.execute(query, below(tree, prefix)).fetchone()[0]))

    def untried(self) -> int:
        """Files in all trees that wait for their first check."""
        return self.database.run(lambda db: sum(int(count) for (count,) in db.execute(_ALL_UNTRIED)))

    def postponed_below(self, tree: bytes, prefix: bytes = b"", reason: str = POSTPONED) -> int:
        """How many rows below a directory wait since opening others takes long, or for that reason."""
        query = f"""SELECT count(*) FROM uploads JOIN directories ON id = directory
            WHERE verdict = 'unchecked' AND reason = ? AND waiting > {RowWait.NOTHING:d} AND {BELOW}"""  # noqa: S608
        values = (reason, *below(tree, prefix))
        return self.database.run(lambda db: int(db.execute(query, values).fetchone()[0]))

    def verdict_counts_below(self, tree: bytes, prefix: bytes = b"") -> dict[str, int]:
        """Recorded verdicts at or below a directory of the tree."""
        query = f"""SELECT verdict, count(*) FROM uploads JOIN directories ON id = directory
            WHERE verdict IS NOT NULL AND {BELOW} GROUP BY verdict"""  # noqa: S608
        return self.database.run(lambda db: dict(db.execute(query, below(tree, prefix)).fetchall()))

    def beginning_with(self, begins: Place) -> list[tuple[Place, str]]:
        """Files of one directory with this path prefix, each with its customer."""
        tree, path, name = key_of(begins)
        query = """SELECT name, customer FROM uploads JOIN directories ON id = directory
            WHERE tree = ? AND path = ? AND name >= ? AND name < ?"""
        bounds = (tree, path, name, name + b"\xff" * 256)
        rows = self.database.run(lambda db: db.execute(query, bounds).fetchall())
        return [(Place(tree, joined(path, name)), customer) for name, customer in rows]

    def with_contents(self, contents: Iterable[bytes], customer: str) -> list[Place]:
        """Places where a customer's files with one of these contents (SHA-256) were seen last."""
        query = """SELECT tree, path, name FROM uploads JOIN directories ON id = directory
            WHERE sha256 = ? AND customer = ?"""
        values = [(sha256, customer) for sha256 in contents]
        rows = self.database.run(lambda db: [row for each in values for row in db.execute(query, each)])
        return [Place(tree, joined(path, name)) for tree, path, name in rows]

    def known_before(self, tree: bytes, prefix: bytes, moment: float) -> list[bytes]:
        """Paths at or below a directory of files found known and not looked at since a moment.

        The directory is one of the tree.
        """
        query = f"""SELECT path, name FROM uploads JOIN directories ON id = directory
            WHERE verdict = 'known' AND checked_at < ? AND {BELOW}"""  # noqa: S608
        rows = self.database.run(lambda db: db.execute(query, (moment, *below(tree, prefix))).fetchall())
        return [joined(path, name) for path, name in rows]

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`.

        A file that still lies in a watched tree is found again by the next scan.
        """

        def unlink(db: sqlite3.Connection) -> int:
            marks = ", ".join("?" * len(customer.ids))
            theirs = f"SELECT id FROM directories WHERE customer IN ({marks})"  # noqa: S608 - only question marks
            gone = db.execute(f"DELETE FROM uploads WHERE directory IN ({theirs})", customer.ids).rowcount  # noqa: S608 - the same
            db.execute(f"DELETE FROM directories WHERE customer IN ({marks})", customer.ids)  # noqa: S608 - the same
            db.execute("UPDATE scans SET reached = NULL")
            return int(gone)

        return self.database.erase(unlink)

    def figures(self) -> IndexFigures:
        """Counts over everything."""
        return self.database.run(_figures)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    @contextmanager
    def _releasing(self, job: Job) -> Iterator[None]:
        """Release the job in any case, also when the disk is full.

        Then the row waits on as it was.
        """
        try:
            yield
        finally:
            self.give_back(job)

    def _change(self, assignments: str, values: Row, job: Job) -> None:
        statement = f"UPDATE uploads SET {assignments} {_ROW} AND hints = ?"  # noqa: S608 - our own texts
        self.database.run(lambda db: db.execute(statement, (*values, *key_of(job.place), job.generation)))


_UNTRIED = " UNION ALL ".join(
    f"SELECT directory FROM uploads WHERE waiting = {state:d} AND tries = 0"  # noqa: S608
    for state in (RowWait.DUE, RowWait.TURN)
)
"""Looked up from what waits, which becomes less and less, and not from all that there is."""


_ALL_UNTRIED = " UNION ALL ".join(
    f"SELECT count(*) FROM uploads WHERE waiting = {state:d} AND tries = 0 AND sha256 IS NULL"  # noqa: S608
    for state in (RowWait.DUE, RowWait.TURN)
)


class _Directories:
    """Numbers of directories within one transaction: another process may clear one between two."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._numbers: dict[tuple[bytes, bytes], int] = {}

    def locate(self, arrival: Arrival) -> tuple[int, bytes]:
        """The number of the directory, new or known and now this customer's, and the name in it."""
        tree, path, name = key_of(arrival.place)
        if (tree, path) not in self._numbers:
            values = (tree, path, arrival.customer)
            (self._numbers[tree, path],) = self._db.execute(_CLAIM, values).fetchone()
        return self._numbers[tree, path], name


_CLAIM = """INSERT INTO directories (tree, path, customer) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET customer = excluded.customer RETURNING id"""


def _count_waiting(db: sqlite3.Connection) -> int:
    counts = (f"SELECT count(*) FROM uploads WHERE waiting = {state:d}" for state in (RowWait.DUE, RowWait.TURN))  # noqa: S608
    return sum(int(db.execute(count).fetchone()[0]) for count in counts)


def _figures(db: sqlite3.Connection) -> IndexFigures:
    of_waiting = (f"SELECT min(since) FROM uploads WHERE waiting = {it:d}" for it in (RowWait.DUE, RowWait.TURN))  # noqa: S608
    oldest = [at for query in of_waiting for (at,) in _rows(db, query)]
    verdicts = "SELECT verdict, count(*) FROM uploads WHERE verdict IS NOT NULL GROUP BY verdict"
    reasons = "SELECT reason, count(*) FROM uploads WHERE verdict = 'unchecked' GROUP BY reason"
    return IndexFigures(
        _count_waiting(db),
        min((at for at in oldest if at is not None), default=None),
        dict(_rows(db, verdicts)),
        dict(_rows(db, reasons)),
    )


def _rows(db: sqlite3.Connection, query: str) -> Iterator[Row]:
    return db.execute(query)
