"""The record of what customers' contacts were asked, in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from goodhoster.adapters.stores.database import RecordFile, Row, time_text
from goodhoster.linux.sqlite_migrations import ExpiringTable
from goodhoster.model.customers.contact_requests import Answered, ContactRequest, RequestKind

TABLES = """
CREATE TABLE IF NOT EXISTS contact_requests (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, customer TEXT NOT NULL, address TEXT NOT NULL,
  asked_at TEXT NOT NULL, deadline TEXT NOT NULL, expires_at TEXT NOT NULL, secret_sha256 BLOB NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, answered_at TEXT, answered_by TEXT, failed_at TEXT,
  failure TEXT NOT NULL DEFAULT '', auto_replied_at TEXT, reminded_at TEXT, silent_at TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS contact_requests_secret ON contact_requests (secret_sha256)
  WHERE secret_sha256 <> x'';
CREATE INDEX IF NOT EXISTS contact_requests_customer ON contact_requests (customer, asked_at);
CREATE INDEX IF NOT EXISTS contact_requests_kind ON contact_requests (kind, asked_at);
CREATE INDEX IF NOT EXISTS contact_requests_open ON contact_requests (asked_at)
  WHERE answered_at IS NULL AND failed_at IS NULL AND silent_at IS NULL;
"""
FORWARDED = """
ALTER TABLE contact_requests ADD COLUMN notice TEXT NOT NULL DEFAULT '';
ALTER TABLE contact_requests ADD COLUMN about TEXT NOT NULL DEFAULT '';
CREATE INDEX contact_requests_silent ON contact_requests (asked_at) WHERE silent_at IS NOT NULL;
"""
EXPIRING = (
    ExpiringTable(
        "contact_requests",
        ("id",),
        """asked_at < :before AND EXISTS (SELECT 1 FROM contact_requests AS later
        WHERE later.customer = contact_requests.customer AND later.asked_at > contact_requests.asked_at
        AND later.kind = contact_requests.kind AND later.address = contact_requests.address)""",
    ),
)
"""What was asked again since."""
_OPEN = "answered_at IS NULL AND failed_at IS NULL AND silent_at IS NULL"
_UNANSWERED = "answered_at IS NULL AND failed_at IS NULL"
_COLUMNS = (
    "id, kind, customer, address, asked_at, deadline, expires_at, secret_sha256, tries, answered_at, answered_by, "
    "failed_at, failure, auto_replied_at, reminded_at, silent_at, notice, about"
)


class SqliteContactStore:
    """See `ports.ContactStore`."""

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def add(self, request: ContactRequest) -> None:
        """See `ports.ContactStore`."""
        values = [_plain(getattr(request, name.strip())) for name in _COLUMNS.split(",")]
        with self._record.changing() as db:
            db.execute(f"INSERT INTO contact_requests ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608 - our own texts

    def get(self, request_id: str) -> ContactRequest | None:
        """See `ports.ContactStore`."""
        return next(iter(self._where("id = ?", (request_id,))), None)

    def with_secret(self, secret_sha256: bytes) -> ContactRequest | None:
        """See `ports.ContactStore`."""
        return next(iter(self._where("secret_sha256 = ? AND secret_sha256 <> x''", (secret_sha256,))), None)

    def of_customer(self, customer_id: str) -> Sequence[ContactRequest]:
        """See `ports.ContactStore`."""
        return self._where("customer = ?", (customer_id,))

    def open(self) -> Sequence[ContactRequest]:
        """See `ports.ContactStore`."""
        return self._where(_OPEN)

    def answer(self, request_id: str, at: datetime, how: Answered) -> bool:
        """See `ports.ContactStore`."""
        changed = "answered_at = ?, answered_by = ?"
        return self._change(
            changed, (time_text(at), how.value), request_id, "answered_at IS NULL AND failed_at IS NULL"
        )

    def fail(self, request_id: str, at: datetime, why: str) -> bool:
        """See `ports.ContactStore`."""
        values = (time_text(at), why)
        return self._change(
            "failed_at = ?, failure = ?", values, request_id, "answered_at IS NULL AND failed_at IS NULL"
        )

    def silent(self, request_id: str, at: datetime) -> bool:
        """See `ports.ContactStore`."""
        return self._change("silent_at = ?", (time_text(at),), request_id, _OPEN)

    def note_auto_reply(self, request_id: str, at: datetime) -> None:
        """See `ports.ContactStore`."""
        self._change("auto_replied_at = ?", (time_text(at),), request_id, "TRUE")

    def note_reminder(self, request_id: str, at: datetime) -> bool:
        """See `ports.ContactStore`."""
        return self._change("reminded_at = ?", (time_text(at),), request_id, f"reminded_at IS NULL AND {_OPEN}")

    def count_try(self, request_id: str) -> int:
        """See `ports.ContactStore`."""
        with self._record.together():
            self._change("tries = tries + 1", (), request_id, "TRUE")
            found = self._record.rows("SELECT tries FROM contact_requests WHERE id = ?", (request_id,))
        return int(found[0][0]) if found else 0

    def drilled_since(self, since: datetime) -> int:
        """See `ports.ContactStore`."""
        query = "SELECT count(*) FROM contact_requests WHERE kind = ? AND asked_at >= ?"
        ((count,),) = self._record.rows(query, (RequestKind.DRILL.value, time_text(since)))
        return int(count)

    def last_drills(self) -> dict[str, datetime]:
        """See `ports.ContactStore`."""
        query = "SELECT customer, max(asked_at) FROM contact_requests WHERE kind = ? GROUP BY customer"
        rows = self._record.rows(query, (RequestKind.DRILL.value,))
        return {customer: datetime.fromisoformat(at) for customer, at in rows}

    def silent_since(self, since: datetime) -> Sequence[ContactRequest]:
        """See `ports.ContactStore`."""
        return self._where("silent_at IS NOT NULL AND asked_at >= ?", (time_text(since),))

    def erase(self, customer_id: str) -> None:
        """See `ports.ContactStore`."""
        with self._record.changing() as db:
            db.execute("DELETE FROM contact_requests WHERE customer = ?", (customer_id,))

    def _where(self, condition: str, values: tuple[object, ...] = ()) -> list[ContactRequest]:
        query = f"SELECT {_COLUMNS} FROM contact_requests WHERE {condition} ORDER BY asked_at, id"  # noqa: S608 - our own texts
        return [_request(row) for row in self._record.rows(query, values)]

    def _change(self, changed: str, values: tuple[object, ...], request_id: str, condition: str) -> bool:
        """Change a request where the condition holds; whether it did."""
        statement = f"UPDATE contact_requests SET {changed} WHERE id = ? AND {condition}"  # noqa: S608 - our own texts
        with self._record.changing() as db:
            return db.execute(statement, (*values, request_id)).rowcount > 0


def _plain(value: object) -> object:
    return time_text(value) if isinstance(value, datetime) else value


def _request(row: Row) -> ContactRequest:
    values: dict[str, Any] = dict(zip((name.strip() for name in _COLUMNS.split(",")), row, strict=True))
    for name in [name for name in values if name.endswith("_at") or name == "deadline"]:
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    values["kind"] = RequestKind(values["kind"])
    values["answered_by"] = Answered(values["answered_by"]) if values["answered_by"] else None
    return ContactRequest(**values)
