"""The record of suspensions in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile, time_text
from goodhoster.errors import RefusedError
from goodhoster.model.customers.suspensions import Suspension, SuspensionState
from goodhoster.model.ids import complete_name
from goodhoster.ports.panels import SuspensionQuery

TABLES = """
CREATE TABLE IF NOT EXISTS suspensions (
  id TEXT PRIMARY KEY, state TEXT NOT NULL, panel TEXT NOT NULL, account TEXT NOT NULL, customer TEXT NOT NULL,
  opened_at TEXT NOT NULL, check_at TEXT, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS suspensions_due ON suspensions (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS suspensions_account ON suspensions (panel, account);
CREATE INDEX IF NOT EXISTS suspensions_customer ON suspensions (customer);
"""


class SqliteSuspensionStore:
    """See `ports.SuspensionStore`."""

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def add(self, suspension: Suspension) -> None:
        """See `ports.SuspensionStore`."""
        try:
            with self._record.changing() as db:
                db.execute("INSERT INTO suspensions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(suspension))
        except sqlite3.IntegrityError as error:
            raise RefusedError(f"there is a suspension {suspension.id} already", hint="try again") from error

    def replace(self, suspension: Suspension, *, expected: SuspensionState) -> None:
        """See `ports.SuspensionStore`."""
        with self._record.changing() as db:
            changed = db.execute(
                """UPDATE suspensions SET id = ?, state = ?, panel = ?, account = ?, customer = ?, opened_at = ?,
                check_at = ?, body = ? WHERE id = ? AND state = ?""",
                (*_row(suspension), suspension.id, expected.value),
            ).rowcount
        if not changed:
            raise RefusedError(f"suspension {suspension.id} is not {expected} any more", hint="look at it again")

    def get(self, suspension_id: str) -> Suspension:
        """See `ports.SuspensionStore`."""
        for (body,) in self._record.rows("SELECT body FROM suspensions WHERE id = ?", (suspension_id,)):
            return decode(Suspension, body)
        hint = "see: goodhoster customers suspensions"
        raise RefusedError(f"there is no suspension {suspension_id!r}", hint=hint)

    def complete(self, part: str) -> str:
        """See `ports.SuspensionStore`."""
        names = (name for (name,) in self._record.rows("SELECT id FROM suspensions"))
        return complete_name(part, names, "suspension", "goodhoster customers suspensions")

    def find(self, query: SuspensionQuery) -> Sequence[Suspension]:
        """See `ports.SuspensionStore`."""
        parts: list[str] = []
        values: list[object] = []
        if query.states:
            parts.append(f"state IN ({', '.join('?' * len(query.states))})")
            values.extend(sorted(query.states))
        for column in ("customer", "panel", "account"):
            if (value := getattr(query, column)) is not None:
                parts.append(f"{column} = ?")
                values.append(value)
        if query.due is not None:
            parts.append("check_at <= ?")
            values.append(time_text(query.due))
        where = f" WHERE {' AND '.join(parts)}" if parts else ""
        rows = self._record.rows(f"SELECT body FROM suspensions{where} ORDER BY opened_at, id", tuple(values))  # noqa: S608 - our own texts
        return [decode(Suspension, body) for (body,) in rows]


def _row(suspension: Suspension) -> tuple[object, ...]:
    return (
        suspension.id,
        suspension.state.value,
        suspension.panel,
        suspension.target.account,
        suspension.customer,
        time_text(suspension.opened_at),
        time_text(suspension.check_at),
        encode(suspension),
    )
