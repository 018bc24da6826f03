"""The legal basis register in SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile
from goodhoster.model.customers.legal_basis import LegalBasis

TABLES = """
CREATE TABLE IF NOT EXISTS legal_basis (
  tree TEXT NOT NULL, source TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (tree, source)
) WITHOUT ROWID;
"""


class SqliteLegalBasisStore:
    """See `ports.LegalBasisStore`."""

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def entries(self) -> Sequence[LegalBasis]:
        """See `ports.LegalBasisStore`."""
        rows = self._record.rows("SELECT body FROM legal_basis ORDER BY tree, source")
        return [decode(LegalBasis, body) for (body,) in rows]

    def put(self, basis: LegalBasis) -> None:
        """See `ports.LegalBasisStore`."""
        values = (basis.tree, basis.source, encode(basis))
        with self._record.changing() as db:
            db.execute("INSERT OR REPLACE INTO legal_basis VALUES (?, ?, ?)", values)
