"""The queue of alerts in a SQLite file of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from goodhoster.adapters.stores.database import RecordFile, Row, time_text
from goodhoster.linux.sqlite_migrations import ExpiringTable, Migration, Schema
from goodhoster.model.alerts import Alert, AlertDelivery, AlertKind, DeliveryState, SentAlert
from goodhoster.ports import ForgottenCustomer

_TABLES = """
CREATE TABLE IF NOT EXISTS alert (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, about TEXT NOT NULL,
  subject TEXT NOT NULL, text TEXT NOT NULL, raised_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT, alert INTEGER NOT NULL REFERENCES alert(id), rule TEXT NOT NULL,
  state TEXT NOT NULL, sent INTEGER NOT NULL, tries INTEGER NOT NULL, next_at TEXT, error TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS condition (
  key TEXT PRIMARY KEY, since TEXT NOT NULL, seen_at TEXT NOT NULL
) WITHOUT ROWID;
"""
_SENT_AT = """
ALTER TABLE delivery ADD COLUMN sent_at TEXT;
ALTER TABLE delivery ADD COLUMN message TEXT;
CREATE INDEX delivery_sent ON delivery (rule, sent_at) WHERE sent_at IS NOT NULL;
"""
ALERTS = Schema(
    "the queue of alerts",
    (Migration(1, (_TABLES,)), Migration(2, (_SENT_AT,))),
    irreplaceable=True,
    hint="restore it from a backup, or move it away: alerts that wait in it are lost then",
)
EXPIRING = (
    ExpiringTable(
        "delivery",
        ("id",),
        "next_at IS NULL AND EXISTS (SELECT 1 FROM alert WHERE id = delivery.alert AND raised_at < :before)",
    ),
    ExpiringTable(
        "alert",
        ("id",),
        """raised_at < :before AND NOT EXISTS (SELECT 1 FROM delivery WHERE alert = alert.id)""",
    ),
)
"""Alerts that nobody has to be told of any more; conditions are forgotten when they are over, see `see`."""
_SELECT = (
    "SELECT delivery.id, rule, state, sent, tries, next_at, error, key, kind, about, subject, text, raised_at"
    " FROM delivery JOIN alert ON alert.id = delivery.alert"
)


class SqliteAlertQueue:
    """See `ports.AlertQueue`."""

    def __init__(self, file: Path) -> None:
        self._record = RecordFile(file, ALERTS)

    def add(self, alert: Alert, rules: Iterable[tuple[str, datetime]], condition: str = "") -> bool:
        """See `ports.AlertQueue`."""
        values = (alert.key, alert.kind, alert.about, alert.subject, alert.text, time_text(alert.raised_at))
        with self._record.changing() as db:
            added = db.execute(
                "INSERT OR IGNORE INTO alert (key, kind, about, subject, text, raised_at) VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            if not added.rowcount:
                return False
            if condition:
                moment = time_text(alert.raised_at)
                db.execute("INSERT OR REPLACE INTO condition VALUES (?, ?, ?)", (condition, moment, moment))
            for rule, due in rules:
                db.execute(
                    "INSERT INTO delivery (alert, rule, state, sent, tries, next_at, error)"
                    " VALUES (?, ?, ?, 0, 0, ?, '')",
                    (added.lastrowid, rule, DeliveryState.WAITING, time_text(due)),
                )
        return True

    def claim(self, now: datetime, until: datetime) -> AlertDelivery | None:
        """See `ports.AlertQueue`."""
        claimed = (
            "UPDATE delivery SET next_at = ? WHERE id = (SELECT id FROM delivery WHERE next_at <= ?"
            " ORDER BY next_at LIMIT 1) RETURNING id"
        )
        with self._record.changing() as db:
            row = db.execute(claimed, (time_text(until), time_text(now))).fetchone()
            found = db.execute(f"{_SELECT} WHERE delivery.id = ?", row).fetchone() if row else None
        return _delivery(found) if found else None

    def claim_more(self, rule: str, now: datetime, until: datetime, most: int) -> list[AlertDelivery]:
        """See `ports.AlertQueue`."""
        claimed = (
            "UPDATE delivery SET next_at = ? WHERE id IN (SELECT id FROM delivery WHERE next_at <= ? AND rule = ?"
            " ORDER BY id LIMIT ?) RETURNING id"
        )
        with self._record.changing() as db:
            rows = db.execute(claimed, (time_text(until), time_text(now), rule, most)).fetchall()
            found = [db.execute(f"{_SELECT} WHERE delivery.id = ?", row).fetchone() for row in sorted(rows)]
        return [_delivery(row) for row in found]

    def sent(self, rule: str, since: datetime) -> list[SentAlert]:
        """See `ports.AlertQueue`."""
        query = _SELECT.replace("SELECT ", "SELECT message, sent_at, ", 1) + " WHERE rule = ? AND sent_at > ?"
        rows = self._record.rows(f"{query} ORDER BY sent_at", (rule, time_text(since)))
        return [
            SentAlert(message, datetime.fromisoformat(sent_at), _delivery(tuple(row)).alert)
            for message, sent_at, *row in rows
        ]

    def note_failure(self, delivery: AlertDelivery, state: DeliveryState, next_at: datetime | None, error: str) -> None:
        """See `ports.AlertQueue`."""
        with self._record.changing() as db:
            values = (state, delivery.tries + 1, time_text(next_at), error, delivery.number)
            db.execute("UPDATE delivery SET state = ?, tries = ?, next_at = ?, error = ? WHERE id = ?", values)

    def accept(self, delivery: AlertDelivery, message: str, now: datetime, next_at: datetime | None) -> None:
        """See `ports.AlertQueue`."""
        state = DeliveryState.REPEATING if next_at else DeliveryState.ACCEPTED
        values = (state, delivery.sent + 1, time_text(next_at), message, time_text(now), delivery.number)
        with self._record.changing() as db:
            db.execute(
                "UPDATE delivery SET state = ?, sent = ?, tries = 0, next_at = ?, error = '', message = ?, sent_at = ?"
                " WHERE id = ?",
                values,
            )

    def postpone(self, delivery: AlertDelivery, until: datetime) -> None:
        """See `ports.AlertQueue`."""
        with self._record.changing() as db:
            db.execute("UPDATE delivery SET next_at = ? WHERE id = ?", (time_text(until), delivery.number))

    def end(self, delivery: AlertDelivery) -> None:
        """See `ports.AlertQueue`."""
        with self._record.changing() as db:
            values = (DeliveryState.ACCEPTED, delivery.number)
            db.execute("UPDATE delivery SET state = ?, next_at = NULL WHERE id = ?", values)

    def deliveries(self, states: Sequence[DeliveryState] = (), limit: int = 100) -> list[AlertDelivery]:
        """See `ports.AlertQueue`."""
        wanted = tuple(states) or tuple(DeliveryState)
        marks = ", ".join("?" * len(wanted))
        query = f"{_SELECT} WHERE state IN ({marks}) ORDER BY delivery.id DESC LIMIT ?"
        return [_delivery(row) for row in self._record.rows(query, (*wanted, limit))]

    def counts(self) -> Mapping[tuple[str, DeliveryState], int]:
        """See `ports.AlertQueue`."""
        rows = self._record.rows("SELECT rule, state, count(*) FROM delivery GROUP BY rule, state")
        return {(rule, DeliveryState(state)): count for rule, state, count in rows}

    def conditions(self) -> dict[str, tuple[datetime, datetime]]:
        """See `ports.AlertQueue`."""
        rows = self._record.rows("SELECT key, since, seen_at FROM condition")
        return {key: (datetime.fromisoformat(since), datetime.fromisoformat(seen)) for key, since, seen in rows}

    def see(self, keys: Iterable[str], now: datetime, forget_before: datetime) -> None:
        """See `ports.AlertQueue`."""
        moment = time_text(now)
        with self._record.changing() as db:
            db.executemany(
                "INSERT INTO condition VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET seen_at = excluded.seen_at",
                [(key, moment, moment) for key in keys],
            )
            db.execute("DELETE FROM condition WHERE seen_at < ?", (time_text(forget_before),))

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`.

        Alerts stay, those that wait too: the drawn name stands in them.
        """
        words = sorted((*customer.ids, *customer.addresses, *customer.paths), key=len, reverse=True)
        named = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])", re.IGNORECASE)
        changed = 0
        with self._record.erasing() as db:
            for number, *texts in db.execute("SELECT id, key, about, subject, text FROM alert").fetchall():
                unlinked = [named.sub(customer.name, text) for text in texts]
                if unlinked != texts:
                    changed += 1
                    query = "UPDATE alert SET key = ?, about = ?, subject = ?, text = ? WHERE id = ?"
                    db.execute(query, (*unlinked, number))
            for (key,) in db.execute("SELECT key FROM condition").fetchall():
                if named.search(key):
                    db.execute("DELETE FROM condition WHERE key = ?", (key,))
        return changed

    def close(self) -> None:
        """Close the file."""
        self._record.close()


def _delivery(row: Row) -> AlertDelivery:
    number, rule, state, sent, tries, next_at, error, key, kind, about, subject, text, raised_at = row
    alert = Alert(key, AlertKind(kind), about, subject, text, datetime.fromisoformat(raised_at))
    due = datetime.fromisoformat(next_at) if next_at else None
    return AlertDelivery(number, rule, alert, DeliveryState(state), sent, tries, due, error)
