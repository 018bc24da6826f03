"""The record of screening in SQLite: what was compared, and the findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile
from goodhoster.errors import RefusedError
from goodhoster.model.customers.screening import ScreeningDecision, ScreeningFinding
from goodhoster.model.ids import complete_name
from goodhoster.ports.screening import Side

TABLES = """
CREATE TABLE IF NOT EXISTS screening_entries (
  list TEXT NOT NULL, entry TEXT NOT NULL, fingerprint BLOB NOT NULL, PRIMARY KEY (list, entry)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS screening_customers (
  list TEXT NOT NULL, customer TEXT NOT NULL, fingerprint BLOB NOT NULL, PRIMARY KEY (list, customer)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS screening_findings (
  id TEXT PRIMARY KEY, list TEXT NOT NULL, entry TEXT NOT NULL, customer TEXT NOT NULL, decision TEXT NOT NULL,
  found_at TEXT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS screening_findings_customer ON screening_findings (customer);
CREATE INDEX IF NOT EXISTS screening_findings_pair ON screening_findings (list, entry, customer);
CREATE INDEX IF NOT EXISTS screening_findings_decision ON screening_findings (decision, found_at);
"""
_COMPARED: Mapping[Side, str] = {"entry": "screening_entries", "customer": "screening_customers"}
_IDS_PER_QUERY = 500  # ids in one question


class SqliteScreeningStore:
    """See `ports.ScreeningStore`."""

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def together(self) -> AbstractContextManager[None]:
        """See `ports.ScreeningStore`."""
        return self._record.alone()

    def fingerprints(self, list_name: str, side: Side) -> Mapping[str, bytes]:
        """See `ports.ScreeningStore`."""
        query = f"SELECT {side}, fingerprint FROM {_COMPARED[side]} WHERE list = ?"  # noqa: S608 - our own texts
        return dict(self._record.rows(query, (list_name,)))

    def remember(self, list_name: str, side: Side, fingerprints: Iterable[tuple[str, bytes]]) -> None:
        """See `ports.ScreeningStore`."""
        rows = ((list_name, name, digest) for name, digest in fingerprints)
        with self._record.changing() as db:
            db.executemany(f"INSERT OR REPLACE INTO {_COMPARED[side]} VALUES (?, ?, ?)", rows)  # noqa: S608 - the same

    def forget(self, list_name: str, side: Side, ids: Iterable[str]) -> None:
        """See `ports.ScreeningStore`."""
        with self._record.changing() as db:
            db.executemany(
                f"DELETE FROM {_COMPARED[side]} WHERE list = ? AND {side} = ?",  # noqa: S608 - the same
                ((list_name, name) for name in ids),
            )

    def save(self, finding: ScreeningFinding) -> None:
        """See `ports.ScreeningStore`."""
        row = (
            finding.id,
            finding.list_name,
            finding.entry,
            finding.customer,
            finding.decision,
            finding.found_at.isoformat(timespec="microseconds"),
            encode(finding),
        )
        with self._record.changing() as db:
            db.execute("INSERT OR REPLACE INTO screening_findings VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def get(self, finding_id: str) -> ScreeningFinding:
        """See `ports.ScreeningStore`."""
        for (body,) in self._record.rows("SELECT body FROM screening_findings WHERE id = ?", (finding_id,)):
            return decode(ScreeningFinding, body)
        raise RefusedError(f"there is no finding {finding_id}", hint="see: goodhoster customers findings")

    def complete(self, part: str) -> str:
        """See `ports.ScreeningStore`."""
        names = (name for (name,) in self._record.rows("SELECT id FROM screening_findings"))
        return complete_name(part, names, "finding", "goodhoster customers findings")

    def find(
        self, *, decisions: frozenset[ScreeningDecision] = frozenset(), list_name: str = "", customer: str = ""
    ) -> Iterator[ScreeningFinding]:
        """See `ports.ScreeningStore`."""
        parts = [f"decision IN ({', '.join('?' * len(decisions))})"] if decisions else []
        values: list[object] = [*sorted(decisions)]
        for column, value in (("list", list_name), ("customer", customer)):
            if value:
                parts.append(f"{column} = ?")
                values.append(value)
        where = "WHERE " + " AND ".join(parts) if parts else ""
        query = f"SELECT body FROM screening_findings {where} ORDER BY found_at, id"  # noqa: S608 - our own texts
        return (decode(ScreeningFinding, body) for (body,) in self._record.rows(query, tuple(values)))

    def of_pairs(self, list_name: str, side: Side, ids: Sequence[str]) -> Sequence[ScreeningFinding]:
        """See `ports.ScreeningStore`."""
        found: list[ScreeningFinding] = []
        for start in range(0, len(ids), _IDS_PER_QUERY):
            some = ids[start : start + _IDS_PER_QUERY]
            marks = ", ".join("?" * len(some))
            query = f"SELECT body FROM screening_findings WHERE list = ? AND {side} IN ({marks})"  # noqa: S608 - the same
            found += [decode(ScreeningFinding, body) for (body,) in self._record.rows(query, (list_name, *some))]
        return found

    def erase_screening(self, customer_id: str) -> None:
        """See `ports.ScreeningStore`."""
        with self._record.changing() as db:
            db.execute("DELETE FROM screening_findings WHERE customer = ?", (customer_id,))
            db.execute("DELETE FROM screening_customers WHERE customer = ?", (customer_id,))
