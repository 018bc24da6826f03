"""The record of vetting in SQLite: evidence, stated facts, sessions at identity providers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile, time_text
from goodhoster.errors import RefusedError
from goodhoster.model.customers.vetting import IdentitySession, StatedFact, VettingEvidence

TABLES = """
CREATE TABLE IF NOT EXISTS vetting_evidence (
  customer TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (customer, at, body)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vetting_facts (
  customer TEXT NOT NULL, fact TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (customer, fact)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vetting_sessions (
  number INTEGER PRIMARY KEY, provider TEXT NOT NULL, reference TEXT NOT NULL, customer TEXT NOT NULL,
  UNIQUE (provider, reference)
);
CREATE INDEX IF NOT EXISTS vetting_sessions_customer ON vetting_sessions (customer, number);
"""
_SESSIONS_PER_ANSWER = 1000
"""Sessions in one answer."""
_ERASED = ("vetting_evidence", "vetting_facts", "vetting_sessions")


class SqliteVettingStore:
    """See `ports.VettingStore`."""

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def together(self) -> AbstractContextManager[None]:
        """See `ports.VettingStore`."""
        return self._record.alone()

    def add(self, evidence: VettingEvidence) -> bool:
        """See `ports.VettingStore`."""
        row = (evidence.customer, time_text(evidence.at), encode(evidence))
        with self._record.changing() as db:
            return bool(db.execute("INSERT OR IGNORE INTO vetting_evidence VALUES (?, ?, ?)", row).rowcount)

    def evidence_of(self, customer_id: str) -> Sequence[VettingEvidence]:
        """See `ports.VettingStore`."""
        query = "SELECT body FROM vetting_evidence WHERE customer = ? ORDER BY at, body"
        return [decode(VettingEvidence, body) for (body,) in self._record.rows(query, (customer_id,))]

    def state_fact(self, fact: StatedFact) -> None:
        """See `ports.VettingStore`."""
        with self._record.changing() as db:
            db.execute(
                "INSERT OR REPLACE INTO vetting_facts VALUES (?, ?, ?)", (fact.customer, fact.fact, encode(fact))
            )

    def facts_of(self, customer_id: str) -> Sequence[StatedFact]:
        """See `ports.VettingStore`."""
        query = "SELECT body FROM vetting_facts WHERE customer = ? ORDER BY fact"
        return [decode(StatedFact, body) for (body,) in self._record.rows(query, (customer_id,))]

    def open_session(self, provider: str, reference: str, customer_id: str) -> None:
        """See `ports.VettingStore`."""
        with self._record.changing() as db:
            db.execute(
                "INSERT OR IGNORE INTO vetting_sessions (provider, reference, customer) VALUES (?, ?, ?)",
                (provider, reference, customer_id),
            )
        if self.customer_of_session(provider, reference) != customer_id:
            raise RefusedError(f"session {reference} of {provider} is another customer's", hint="compare the reference")

    def customer_of_session(self, provider: str, reference: str) -> str | None:
        """See `ports.VettingStore`."""
        query = "SELECT customer FROM vetting_sessions WHERE provider = ? AND reference = ?"
        for (customer,) in self._record.rows(query, (provider, reference)):
            return str(customer)
        return None

    def sessions_of(self, customer_id: str) -> Sequence[tuple[str, str]]:
        """See `ports.VettingStore`."""
        query = "SELECT provider, reference FROM vetting_sessions WHERE customer = ? ORDER BY number"
        return [(provider, reference) for provider, reference in self._record.rows(query, (customer_id,))]

    def sessions(self, after: int = 0) -> Sequence[IdentitySession]:
        """See `ports.VettingStore`."""
        query = """SELECT number, provider, reference, customer FROM vetting_sessions
        WHERE number > ? ORDER BY number LIMIT ?"""
        return [IdentitySession(*row) for row in self._record.rows(query, (after, _SESSIONS_PER_ANSWER))]

    def erase_vetting(self, customer_id: str) -> None:
        """See `ports.VettingStore`."""
        with self._record.changing() as db:
            for table in _ERASED:
                db.execute(f"DELETE FROM {table} WHERE customer = ?", (customer_id,))  # noqa: S608 - our own names
