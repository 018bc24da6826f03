"""Steps, statements, appeals and gate answers in the record of customers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, count
from typing import TypeVar

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile, time_text
from goodhoster.errors import RefusedError
from goodhoster.linux.observed_time import ObservedTime, TimeReading, observed
from goodhoster.linux.sqlite_migrations import rename_json_keys
from goodhoster.model.customers.standing import Appeal, AppealState, Statement, Step, StepState
from goodhoster.model.ids import complete_name

TABLES = """
CREATE TABLE standing_steps (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, customer TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX standing_steps_customer ON standing_steps (customer);
CREATE INDEX standing_steps_state ON standing_steps (state);
CREATE TABLE standing_statements (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, customer TEXT NOT NULL, at TEXT NOT NULL,
  reference TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX standing_statements_reference ON standing_statements (reference) WHERE reference <> '';
CREATE INDEX standing_statements_subject ON standing_statements (subject);
CREATE INDEX standing_statements_at ON standing_statements (at);
CREATE TABLE appeals (
  id TEXT PRIMARY KEY, customer TEXT NOT NULL, state TEXT NOT NULL, deadline TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX appeals_customer ON appeals (customer);
CREATE INDEX appeals_state ON appeals (state, deadline);
CREATE TABLE gate_answers (
  customer TEXT PRIMARY KEY, answer TEXT NOT NULL, at TEXT NOT NULL, day TEXT NOT NULL, logged INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE observed_time (
  one INTEGER PRIMARY KEY CHECK (one = 1), total REAL NOT NULL, boot TEXT NOT NULL, running REAL NOT NULL,
  wall REAL NOT NULL
);
CREATE TABLE house_rules (number INTEGER PRIMARY KEY, version TEXT NOT NULL, at TEXT NOT NULL);
"""
RENAME_KEYS = rename_json_keys(
    "standing_steps", {"told_at": "notified_at", "told_after": "notified_observed", "untold": "not_notified"}
)
_KEEP_STATEMENT = """
INSERT INTO standing_statements (id, subject, customer, at, reference, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING
"""
_LOGGED_A_DAY = 4
"""Entries of the audit log that the gate may make of one customer in a day, however its answers change."""
_DAY = timedelta(days=1)
Kind = TypeVar("Kind", Step, Appeal, Statement)


class SqliteStandingStore:
    """See `ports.standing.StandingStore`."""

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def add_step(self, step: Step) -> None:
        """See `ports.standing.StandingStore`."""
        insert = "INSERT INTO standing_steps (id, customer, state, body) VALUES (?, ?, ?, ?)"
        self._add(insert, (step.id, step.customer, step.state, encode(step)), f"step {step.id}")

    def replace_step(self, step: Step, *, expected: StepState) -> None:
        """See `ports.standing.StandingStore`."""
        update = "UPDATE standing_steps SET state = ?, body = ? WHERE id = ? AND state = ?"
        self._replace(update, (step.state, encode(step), step.id, expected), f"step {step.id} is not {expected}")

    def step(self, step_id: str) -> Step:
        """See `ports.standing.StandingStore`."""
        for (body,) in self._record.rows("SELECT body FROM standing_steps WHERE id = ?", (step_id,)):
            return decode(Step, body)
        raise RefusedError(f"there is no step {step_id}", hint="see: goodhoster customers standing ID")

    def complete_step(self, part: str) -> str:
        """See `ports.standing.StandingStore`."""
        names = (name for (name,) in self._record.rows("SELECT id FROM standing_steps"))
        return complete_name(part, names, "step", "goodhoster customers standing ID")

    def complete_appeal(self, part: str) -> str:
        """See `ports.standing.StandingStore`."""
        names = (name for (name,) in self._record.rows("SELECT id FROM appeals"))
        return complete_name(part, names, "appeal", "goodhoster customers appeals")

    def steps(self, customer: str) -> Sequence[Step]:
        """See `ports.standing.StandingStore`."""
        query = "SELECT body FROM standing_steps WHERE customer = ? ORDER BY number"
        return [decode(Step, body) for (body,) in self._record.rows(query, (customer,))]

    def steps_in(self, states: frozenset[StepState]) -> Sequence[Step]:
        """See `ports.standing.StandingStore`."""
        query = f"SELECT body FROM standing_steps WHERE state IN ({_marks(states)}) ORDER BY number"  # noqa: S608 - our own texts
        return [decode(Step, body) for (body,) in self._record.rows(query, tuple(sorted(states)))]

    def keep_statement(self, statement: Statement) -> None:
        """See `ports.standing.StandingStore`."""
        ids = chain([statement.id], (f"{statement.id} {number}" for number in count(2)))
        with self._record.changing() as db:  # the first INSERT keeps other processes from writing
            for statement_id in ids:
                kept = replace(statement, id=statement_id)
                values = (kept.id, kept.subject, kept.customer, time_text(kept.at), kept.reference, encode(kept))
                if db.execute(_KEEP_STATEMENT, values).rowcount:
                    return

    def statements(self, subject: str) -> Sequence[Statement]:
        """See `ports.standing.StandingStore`."""
        query = "SELECT body FROM standing_statements WHERE subject = ? ORDER BY number"
        return [decode(Statement, body) for (body,) in self._record.rows(query, (subject,))]

    def statement(self, statement_id: str) -> Statement | None:
        """See `ports.standing.StandingStore`."""
        rows = self._record.rows("SELECT body FROM standing_statements WHERE id = ?", (statement_id,))
        return decode(Statement, rows[0][0]) if rows else None

    def referred(self, reference: str) -> Sequence[Statement]:
        """See `ports.standing.StandingStore`."""
        query = "SELECT body FROM standing_statements WHERE reference = ? AND reference <> '' ORDER BY number"
        return [decode(Statement, body) for (body,) in self._record.rows(query, (reference,))]

    def subjects_told(self, since: datetime) -> frozenset[str]:
        """See `ports.standing.StandingStore`."""
        query = "SELECT subject FROM standing_statements WHERE at >= ?"
        return frozenset(subject for (subject,) in self._record.rows(query, (time_text(since),)))

    def add_appeal(self, appeal: Appeal) -> None:
        """See `ports.standing.StandingStore`."""
        values = (appeal.id, appeal.customer, appeal.state, time_text(appeal.deadline), encode(appeal))
        self._add("INSERT INTO appeals VALUES (?, ?, ?, ?, ?)", values, f"appeal {appeal.id}")

    def replace_appeal(self, appeal: Appeal, *, expected: AppealState) -> None:
        """See `ports.standing.StandingStore`."""
        update = "UPDATE appeals SET state = ?, deadline = ?, body = ? WHERE id = ? AND state = ?"
        values = (appeal.state, time_text(appeal.deadline), encode(appeal), appeal.id, expected)
        self._replace(update, values, f"appeal {appeal.id} is not {expected}")

    def appeal(self, appeal_id: str) -> Appeal:
        """See `ports.standing.StandingStore`."""
        for (body,) in self._record.rows("SELECT body FROM appeals WHERE id = ?", (appeal_id,)):
            return decode(Appeal, body)
        raise RefusedError(f"there is no appeal {appeal_id}", hint="see: goodhoster customers appeals")

    def count_appeals(self, state: AppealState) -> int:
        """See `ports.standing.StandingStore`."""
        ((count,),) = self._record.rows("SELECT count(*) FROM appeals WHERE state = ?", (state,))
        return int(count)

    def appeals(self, customer: str = "", states: frozenset[AppealState] = frozenset()) -> Sequence[Appeal]:
        """See `ports.standing.StandingStore`."""
        wanted = states or frozenset(AppealState)
        query = f"""SELECT body FROM appeals WHERE (? = '' OR customer = ?) AND state IN ({_marks(wanted)})
        ORDER BY deadline, id"""  # noqa: S608 - our own texts
        rows = self._record.rows(query, (customer, customer, *sorted(wanted)))
        return [decode(Appeal, body) for (body,) in rows]

    def gate_changed(self, customer: str, answer: str, at: datetime) -> bool:
        """See `ports.standing.StandingStore`."""
        day = f"{at:%Y-%m-%d}"
        with self._record.changing() as db:
            query = "SELECT answer, at, day, logged FROM gate_answers WHERE customer = ?"
            found = db.execute(query, (customer,)).fetchone()
            before, then, its_day, logged = found or ("", "", "", 0)
            same = before == answer and datetime.fromisoformat(then) > at - _DAY
            count = logged if its_day == day else 0
            if same or count >= _LOGGED_A_DAY:
                return False
            row = (customer, answer, time_text(at), day, count + 1)
            db.execute("INSERT OR REPLACE INTO gate_answers VALUES (?, ?, ?, ?, ?)", row)
        return True

    def observe(self, reading: TimeReading) -> float:
        """See `ports.standing.StandingStore`."""
        with self._record.changing() as db:
            db.execute("BEGIN IMMEDIATE") if not db.in_transaction else None
            found = db.execute("SELECT total, boot, running, wall FROM observed_time").fetchone()
            before = ObservedTime(found[0], TimeReading(*found[1:])) if found else None
            after = observed(before, reading)
            last = after.last
            row = (after.total, last.boot, last.running, last.wall)
            db.execute("INSERT OR REPLACE INTO observed_time VALUES (1, ?, ?, ?, ?)", row)
        return after.total

    def rules_changed(self, version: str, at: datetime) -> str | None:
        """See `ports.standing.StandingStore`."""
        with self._record.changing() as db:
            last = db.execute("SELECT version FROM house_rules ORDER BY number DESC LIMIT 1").fetchone()
            if last and last[0] == version:
                return None
            db.execute("INSERT INTO house_rules (version, at) VALUES (?, ?)", (version, time_text(at)))
        return str(last[0]) if last else ""

    def _add(self, insert: str, values: tuple[object, ...], what: str) -> None:
        try:
            with self._record.changing() as db:
                db.execute(insert, values)
        except sqlite3.IntegrityError as error:
            raise RefusedError(f"there is a {what} already") from error

    def _replace(self, update: str, values: tuple[object, ...], otherwise: str) -> None:
        with self._record.changing() as db:
            changed = db.execute(update, values).rowcount
        if not changed:
            raise RefusedError(f"{otherwise} any more", hint="look again: goodhoster customers standing ID")


def _marks(values: frozenset[StepState] | frozenset[AppealState]) -> str:
    return ", ".join("?" * len(values))
