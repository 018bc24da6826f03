"""The order in which waiting rows are taken.

A row that waits is either ready, with its priority and its turn, or deferred until it is due; each has an index of its
own, so that taking costs the same whether ten rows wait or a million.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from goodhoster.model.uploads import Place
from goodhoster.uploads.fair_queue import FairQueue
from goodhoster.uploads.rows import JOB_COLUMNS, Arrival, Job, Priority, Row, RowWait, job_of

MOST_OF_ONE = 64
"""Rows of one customer that a process has in hand: however long they take, others are taken beside them. What is
ordered has as many places again, so that it waits for none of the others.
"""
LONGEST_CHANGING = 60.0
"""Seconds. A file that is written to without end is checked then, as it is."""
_ROWS_PER_PIECE = 1000
_BEFORE_ALL = -1

_ADD = f"""
INSERT INTO uploads (directory, name, waiting, turn, priority, due, since, quiet) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
  hints = hints + 1, tries = 0, quiet = excluded.quiet, due = excluded.due,
  since = CASE waiting WHEN {RowWait.NOTHING:d} THEN excluded.since ELSE since END,
  turn = CASE WHEN waiting = {RowWait.TURN:d} AND priority <= excluded.priority THEN turn ELSE excluded.turn END,
  priority = CASE waiting WHEN {RowWait.NOTHING:d} THEN excluded.priority ELSE min(priority, excluded.priority) END,
  waiting = CASE WHEN waiting > {RowWait.NOTHING:d} AND since <= excluded.since - {LONGEST_CHANGING}
    THEN {RowWait.TURN:d} ELSE excluded.waiting END
"""  # noqa: S608 - our own texts
_READY = f"""
SELECT {JOB_COLUMNS}, turn FROM uploads JOIN directories ON id = directory
WHERE waiting = {RowWait.TURN:d} AND priority = ? AND turn > ? ORDER BY turn LIMIT ?
"""  # noqa: S608 - our own texts
_DEFERRED = f"""SELECT directory, name, priority, customer FROM uploads JOIN directories ON id = directory
WHERE waiting = {RowWait.DUE:d}"""  # noqa: S608 - our own texts
_NOT_ITS_OWN = "(fault IS NULL OR fault IS NOT reason)"
"""It waits for something else than for being opened."""
_PUT_OFF = f"""
SELECT directory, name, priority, due, tries FROM uploads
WHERE waiting = {RowWait.DUE:d} AND (due, tries, directory, name) > (?, ?, ?, ?)
ORDER BY due, tries, directory, name LIMIT ?
"""  # noqa: S608 - our own texts
_OF_A_SOURCE = f"""
SELECT uploads.directory, uploads.name, priority, customer FROM uploads JOIN directories ON id = directory
WHERE directory = ? AND name = ? AND tries > 0 AND {_NOT_ITS_OWN}
"""  # noqa: S608 - our own texts


class PutOff(NamedTuple):
    """A row that is put off, in the order in which such rows are due."""

    due: float
    tries: int = 0
    directory: int = 0
    name: bytes = b""


class Queue:
    """In-memory state of the queue in one process, besides the rows.

    The order of customers, and what its workers have in hand.
    """

    def __init__(self) -> None:
        self._turns: defaultdict[int, FairQueue] = defaultdict(FairQueue)
        self._in_hand: dict[Place, Job] = {}
        self._in_hand_of: Counter[str] = Counter()

    def add(self, db: sqlite3.Connection, arrivals: Sequence[tuple[int, bytes, Arrival]], now: float) -> None:
        """Make rows (directory, name, what is expected) wait, the first before the second."""
        for priority in {arrival.priority for _, _, arrival in arrivals}:
            self._look_ahead(db, priority)
        db.executemany(_ADD, [self._row(*row, now) for row in arrivals])

    def take(self, db: sqlite3.Connection, now: float, count: int) -> list[Job]:
        """Rows that are ready, most urgent first, and in hand from now on."""
        self._make_ready(db, f"{_DEFERRED} AND due <= ? LIMIT ?", (now,))
        jobs: list[Job] = []
        for priority in Priority:
            if len(jobs) < count:
                jobs += self._take(db, priority, count - len(jobs))
        return jobs

    def wake(self, db: sqlite3.Connection, after: PutOff) -> tuple[int, PutOff | None]:
        """Make those of the next rows after that one ready which wait for a retry.

        Returns how many, and where to continue.

        Not those that wait because of themselves: what could not be opened can be opened no better now. However
        many of these there are, no more rows are looked at at a time.
        """
        page = db.execute(_PUT_OFF, (*after, _ROWS_PER_PIECE)).fetchall()
        rows = [row for directory, name, *_ in page for row in db.execute(_OF_A_SOURCE, (directory, name))]
        self._number(db, rows)
        if not page:
            return 0, None
        directory, name, _, due, tries = page[-1]
        return len(rows), PutOff(due, tries, directory, name)

    def in_hand(self, place: Place) -> bool:
        """Whether a worker of this process is working on it."""
        return place in self._in_hand

    def in_progress(self) -> list[Job]:
        """Rows that workers of this process are working on."""
        return list(self._in_hand.values())

    def release(self, job: Job) -> None:
        """Record that no worker has it in hand any longer."""
        if taken := self._in_hand.pop(job.place, None):
            self._in_hand_of[taken.customer] -= 1

    def forget_vanished(self, customer: str) -> None:
        """Account for rows of that customer that vanished untaken."""
        for turns in self._turns.values():
            turns.forget_vanished(customer)

    def _row(self, directory: int, name: bytes, arrival: Arrival, now: float) -> Row:
        waiting = RowWait.TURN if arrival.due <= now else RowWait.DUE
        turn = self._turns[arrival.priority].next(arrival.customer)
        return directory, name, waiting, turn, arrival.priority, arrival.due, now, arrival.quiet

    def _look_ahead(self, db: sqlite3.Connection, priority: int) -> None:
        """Advance the numbering to the first row that waits.

        Another process may have taken rows: nobody's next row is numbered before the first that waits.
        """
        query = f"""SELECT turn FROM uploads WHERE waiting = {RowWait.TURN:d} AND priority = ?
            ORDER BY turn LIMIT 1"""  # noqa: S608 - our own texts
        first = db.execute(query, (priority,)).fetchone()
        if first is None:
            self._turns[priority].empty()
        else:
            self._turns[priority].reach(first[0] - 1)

    def _take(self, db: sqlite3.Connection, priority: int, count: int) -> list[Job]:
        """Take rows in order of their numbers.

        Rows of customers that have as many in hand as they may are passed over, and others' newest rows come
        after all of those that were taken.
        """
        turns = self._turns[priority]
        jobs, passed_over = self._pick(db, priority, _BEFORE_ALL, count)
        if passed_over and len(jobs) < count:
            more, _ = self._pick(db, priority, turns.reached, count - len(jobs))
            jobs += more
        return jobs

    def _pick(self, db: sqlite3.Connection, priority: int, after: int, count: int) -> tuple[list[Job], bool]:
        """Rows after that number, and whether any was passed over."""
        picked: list[Job] = []
        passed_over = False
        most = 2 * MOST_OF_ONE if priority == Priority.ORDERED else MOST_OF_ONE
        for *columns, turn in db.execute(_READY, (priority, after, count + len(self._in_hand))).fetchall():
            job = job_of(tuple(columns))
            if job.place in self._in_hand or len(picked) == count:
                continue
            if self._in_hand_of[job.customer] >= most:
                passed_over = True
                continue
            self._in_hand[job.place] = job
            self._in_hand_of[job.customer] += 1
            self._turns[priority].reach(turn - 1)
            picked.append(job)
        return picked, passed_over

    def _make_ready(self, db: sqlite3.Connection, query: str, values: Row) -> int:
        rows = db.execute(query, (*values, _ROWS_PER_PIECE)).fetchall()
        self._number(db, rows)
        return len(rows)

    def _number(self, db: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Make these ready (directory, name, priority, customer)."""
        for priority in {row[2] for row in rows}:
            self._look_ahead(db, priority)
        turns = [
            (self._turns[priority].next(customer), directory, name) for directory, name, priority, customer in rows
        ]
        query = f"UPDATE uploads SET waiting = {RowWait.TURN:d}, turn = ? WHERE directory = ? AND name = ?"  # noqa: S608
        db.executemany(query, turns)
