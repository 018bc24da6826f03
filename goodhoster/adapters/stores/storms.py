"""The record of storms and the brake's counts in SQLite.

Every call is one durable transaction. Tables of their own beside the cases: the brake must count cheaply however many
cases there are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from goodhoster.adapters.stores.database import RecordFile, Row, time_text
from goodhoster.errors import RefusedError
from goodhoster.linux.sqlite_migrations import ExpiringTable
from goodhoster.model.ids import complete_name
from goodhoster.model.storms import Cause, Counted, CountedCase, Storm, StormKind, StormState

_NAMES = """number, id, kind, about, reason, sources, started_at, measures, part_of,
  state, decided_at, actor, decision_reason, alert_delivered, decision_holder"""
_HOUR, _DAY = 60, 1440
"""Minutes."""
_THIS = "WHERE scope = ? AND customer = ? AND sha256 = ?"
_COUNT = "INSERT INTO measure_counts VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1"
_KEYS = {"counted_contents": ("scope", "customer", "sha256"), "measure_counts": ("scope", "customer", "minute")}
_FORGOTTEN_AT_ONCE = 3
"""More than are added at a time: so nothing grows for ever, and nobody waits for it."""
_ALL = ""
"""The source under which every case is counted once more."""
EXPIRING = (
    ExpiringTable(
        "storms",
        ("number",),
        """state = 'released' AND decided_at < :before AND NOT EXISTS
        (SELECT 1 FROM storms AS part WHERE part.part_of = storms.id AND part.state <> 'released')""",
    ),
    ExpiringTable("held_cases", ("storm", "case_id"), "NOT EXISTS (SELECT 1 FROM storms WHERE id = storm)"),
    ExpiringTable("counted_cases", ("source", "automatic", "at", "case_id"), "at < :before"),
)
"""What a storm leaves; the counts beside it last a day, see `_forget_old`, and the rest as long as its case."""


class SqliteStormStore:
    """See `ports.StormStore` and `ports.MatchLedger`.

    In the file of the cases: a case and its storm are one change.
    """

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def begin(self, storm: Storm) -> bool:
        """See `ports.StormStore`."""
        row = _row(storm)
        marks = ", ".join("?" * len(row))
        with self._record.changing() as db:
            query = f"INSERT OR IGNORE INTO storms ({_NAMES}) VALUES (NULL, {marks})"  # noqa: S608 - only question marks
            return db.execute(query, row).rowcount == 1

    def replace(self, storm: Storm) -> None:
        """See `ports.StormStore`."""
        decision = (storm.state, time_text(storm.decided_at), storm.actor, storm.decision_reason)
        changes = """state = ?, decided_at = ?, actor = ?, decision_reason = ?,
            alert_delivered = ?, part_of = ?, decision_holder = ?"""
        with self._record.changing() as db:
            values = (*decision, storm.alert_delivered, storm.part_of, storm.decision_holder, storm.id)
            db.execute(f"UPDATE storms SET {changes} WHERE id = ?", values)  # noqa: S608 - our own text

    def newest(self, causes: Iterable[Cause]) -> Mapping[Cause, Storm]:
        """See `ports.StormStore`."""
        where = "WHERE kind = ? AND about = ? ORDER BY number DESC LIMIT 1"
        found = {cause: self._storms(where, (cause.kind, cause.about)) for cause in causes}
        return {cause: storms[0] for cause, storms in found.items() if storms}

    def braking(self, part_of: str = "") -> Sequence[Storm]:
        """See `ports.StormStore`."""
        return self._storms("WHERE part_of = ? AND state <> 'released' ORDER BY number", (part_of,))

    def leading(self, states: frozenset[StormState]) -> Sequence[Storm]:
        """See `ports.StormStore`."""
        marks = ", ".join("?" * len(states))
        return self._storms(f"WHERE part_of = '' AND state IN ({marks}) ORDER BY number", tuple(states))

    def complete(self, part: str) -> str:
        """See `ports.StormStore`."""
        names = (row[0] for row in self._record.rows("SELECT id FROM storms"))
        return complete_name(part, names, "storm")

    def being_decided(self) -> Sequence[Storm]:
        """See `ports.StormStore`."""
        return self._storms("WHERE decision_holder <> 0 ORDER BY number")

    def get(self, storm_id: str) -> Storm:
        """See `ports.StormStore`."""
        for storm in self._storms("WHERE id = ?", (storm_id,)):
            return storm
        raise RefusedError(f"there is no storm {storm_id}", hint="see: goodhoster storms list")

    def note(self, opened: CountedCase) -> None:
        """See `ports.MatchLedger`."""
        at = time_text(opened.at)
        rows = [(source, opened.automatic, at, opened.case_id) for source in (_ALL, *opened.sources)]
        with self._record.changing() as db:
            db.executemany("INSERT OR IGNORE INTO counted_cases VALUES (?, ?, ?, ?)", rows)
            if opened.storm:
                db.execute("INSERT OR IGNORE INTO held_cases VALUES (?, ?)", (opened.storm, opened.case_id))

    def count(self, counted: Counted) -> None:
        """See `ports.MatchLedger`."""
        minute, key = _minute(counted.at), (counted.scope, counted.customer, counted.sha256)
        with self._record.changing() as db:
            _forget_old(db, minute)
            last = db.execute(f"SELECT minute FROM counted_contents {_THIS}", key).fetchone()  # noqa: S608 - our own texts
            if last and minute - _HOUR < last[0] <= minute:
                return
            db.execute("INSERT OR REPLACE INTO counted_contents VALUES (?, ?, ?, ?)", (*key, minute))
            if counted.share is None or self.counted(counted.scope, counted.customer, counted.at) < counted.share:
                db.execute(_COUNT, (counted.scope, "", minute))
            db.execute(_COUNT, (counted.scope, counted.customer, minute))

    def counted(self, scope: str, customer: str, until: datetime) -> int:
        """See `ports.MatchLedger`."""
        query = """SELECT coalesce(sum(count), 0) FROM measure_counts
            WHERE scope = ? AND customer = ? AND minute > ? AND minute <= ?"""
        ((count,),) = self._record.rows(query, (scope, customer, _minute(until) - _HOUR, _minute(until)))
        return int(count)

    def forget(self, scope: str, customer: str = "") -> None:
        """See `ports.MatchLedger`."""
        of_one = " AND customer = ?" if customer else ""
        values = (scope, customer) if customer else (scope,)
        with self._record.changing() as db:
            db.execute(f"DELETE FROM measure_counts WHERE scope = ?{of_one}", values)  # noqa: S608 - our own texts
            db.execute(f"DELETE FROM counted_contents WHERE scope = ?{of_one}", values)  # noqa: S608 - our own texts

    def ask(self, sha256: bytes, customer: str, at: datetime) -> None:
        """See `ports.MatchLedger`."""
        query = """INSERT INTO attempt_customers VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET asked_at = max(asked_at, excluded.asked_at)"""
        with self._record.changing() as db:
            db.execute(query, (sha256, customer, time_text(at)))

    def askers(self, sha256: bytes, since: datetime, until: datetime) -> frozenset[str]:
        """See `ports.MatchLedger`."""
        query = "SELECT customer FROM attempt_customers WHERE sha256 = ? AND asked_at BETWEEN ? AND ?"
        rows = self._record.rows(query, (sha256, time_text(since), time_text(until)))
        return frozenset(customer for (customer,) in rows)

    def matches(self, source: str, since: datetime, until: datetime) -> int:
        """See `ports.MatchLedger`."""
        counted = "SELECT 1 FROM counted_cases WHERE source = ? AND automatic IN (0, 1) AND at >= ? AND at < ?"
        return self._count(counted, (source, time_text(since), time_text(until)))

    def measured(self, source: str, since: datetime, until: datetime, most: int) -> tuple[str, ...]:
        """See `ports.MatchLedger`."""
        query = """SELECT case_id FROM counted_cases WHERE source = ? AND automatic = 1 AND at BETWEEN ? AND ?
            ORDER BY at DESC, case_id DESC LIMIT ?"""
        values = (source, time_text(since), time_text(until), most)
        return tuple(case_id for (case_id,) in self._record.rows(query, values))

    def held(self, storm_id: str) -> tuple[str, ...]:
        """See `ports.MatchLedger`."""
        query = "SELECT case_id FROM held_cases WHERE storm = ? ORDER BY case_id"
        return tuple(row[0] for row in self._record.rows(query, (storm_id,)))

    def _storms(self, where: str, values: Row = ()) -> list[Storm]:
        return [_storm(row) for row in self._record.rows(f"SELECT {_NAMES} FROM storms {where}", values)]  # noqa: S608 - our own texts

    def _count(self, counted: str, values: Row) -> int:
        ((count,),) = self._record.rows(f"SELECT count(*) FROM ({counted})", values)  # noqa: S608 - our own texts
        return int(count)


def _forget_old(db: sqlite3.Connection, minute: int) -> None:
    """Delete a few outdated rows.

    Those are of more than a day ago, or of a clock that was more than a day ahead.
    """
    for table, key in _KEYS.items():
        query = f"SELECT {', '.join(key)} FROM {table} WHERE minute < ? OR minute > ? LIMIT {_FORGOTTEN_AT_ONCE}"  # noqa: S608 - our own texts
        if old := db.execute(query, (minute - _DAY, minute + _DAY)).fetchall():
            this = " AND ".join(f"{column} = ?" for column in key)
            db.executemany(f"DELETE FROM {table} WHERE {this}", old)  # noqa: S608 - our own texts


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _row(storm: Storm) -> Row:
    head = (storm.id, storm.cause.kind, storm.cause.about, storm.reason, json.dumps(storm.sources))
    begun = (time_text(storm.started_at), json.dumps(storm.measures), storm.part_of)
    return (
        *head,
        *begun,
        storm.state,
        time_text(storm.decided_at),
        storm.actor,
        storm.decision_reason,
        storm.alert_delivered,
        storm.decision_holder,
    )


def _storm(row: Row) -> Storm:
    (
        _,
        storm_id,
        kind,
        about,
        reason,
        sources,
        started_at,
        measures,
        part_of,
        state,
        decided_at,
        actor,
        decision_reason,
        alert_delivered,
        decision_holder,
    ) = row
    return Storm(
        id=storm_id,
        cause=Cause(StormKind(kind), about),
        reason=reason,
        sources=tuple(json.loads(sources)),
        started_at=datetime.fromisoformat(started_at),
        measures=tuple(json.loads(measures)),
        part_of=part_of,
        state=StormState(state),
        decided_at=datetime.fromisoformat(decided_at) if decided_at else None,
        actor=actor,
        decision_reason=decision_reason,
        alert_delivered=bool(alert_delivered),
        decision_holder=int(decision_holder),
    )
