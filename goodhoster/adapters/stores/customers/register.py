"""The customer register in SQLite."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from goodhoster.adapters.stores.codec import decode
from goodhoster.adapters.stores.customers.staging import SqliteStagedImport, site_of
from goodhoster.adapters.stores.database import RecordFile
from goodhoster.errors import RefusedError
from goodhoster.linux.sqlite_migrations import ExpiringTable
from goodhoster.model.customers.register import Customer, CustomerSite, PastSite, RegisterImport
from goodhoster.ports import CustomerQuery, StagedImport

TABLES = """
CREATE TABLE IF NOT EXISTS customer_entries (
  customer TEXT NOT NULL, origin TEXT NOT NULL, place INTEGER NOT NULL, ended INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (customer, origin)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS customer_entries_origin ON customer_entries (origin, customer);
CREATE TABLE IF NOT EXISTS customers (
  id TEXT PRIMARY KEY, folded TEXT NOT NULL, reseller TEXT NOT NULL, status TEXT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS customers_reseller ON customers (reseller, id);
CREATE INDEX IF NOT EXISTS customers_status ON customers (status, id);
CREATE TABLE IF NOT EXISTS sites (
  origin TEXT NOT NULL, host TEXT NOT NULL, customer TEXT NOT NULL, docroot BLOB, user TEXT NOT NULL,
  aliases TEXT NOT NULL, PRIMARY KEY (origin, host)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sites_host ON sites (host, origin);
CREATE INDEX IF NOT EXISTS sites_customer ON sites (customer, host);
CREATE INDEX IF NOT EXISTS sites_user ON sites (user, host) WHERE user <> '';
CREATE INDEX IF NOT EXISTS sites_docroot ON sites (docroot) WHERE docroot IS NOT NULL;
CREATE TABLE IF NOT EXISTS site_aliases (
  name TEXT NOT NULL, origin TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (name, origin, host)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS site_aliases_site ON site_aliases (origin, host);
CREATE TABLE IF NOT EXISTS past_sites (
  host TEXT NOT NULL, customer TEXT NOT NULL, docroot BLOB, until TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS past_sites_host ON past_sites (host, until);
CREATE INDEX IF NOT EXISTS past_sites_customer ON past_sites (customer, until);
CREATE TABLE IF NOT EXISTS former_ids (former TEXT PRIMARY KEY, customer TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS former_ids_customer ON former_ids (customer, former);
CREATE TABLE IF NOT EXISTS register_imports (
  number INTEGER PRIMARY KEY, origin TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS register_imports_origin ON register_imports (origin, number);
CREATE TABLE IF NOT EXISTS register_generation (only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER NOT NULL);
INSERT OR IGNORE INTO register_generation VALUES (1, 0);
"""
EXPIRING = (
    ExpiringTable("past_sites", ("rowid",), "until < :before"),
    ExpiringTable(
        "register_imports",
        ("number",),
        """json_extract(body, '$.at') < :before AND EXISTS (SELECT 1 FROM register_imports AS later
        WHERE later.origin = register_imports.origin AND later.number > register_imports.number)""",
    ),
)
"""Former sites, and all imports but the last of each origin; the rest lasts as long as its customer."""
_SITE = "sites.host, sites.customer, sites.docroot, sites.user, sites.aliases, sites.origin"
_DEEPEST = 64
"""Directories above a path that may be a document root; deeper ones are left out."""


class SqliteCustomerStore:
    """See `ports.CustomerStore`."""

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def get(self, customer_id: str) -> Customer:
        """See `ports.CustomerStore`."""
        found = self.known(customer_id)
        if found is None:
            hint = "see: goodhoster customers list"
            raise RefusedError(f"there is no customer {customer_id!r} in the register", hint=hint)
        return found

    def known(self, customer_id: str) -> Customer | None:
        """See `ports.CustomerStore`."""
        query = "SELECT body FROM customers WHERE id = ?"
        former = "SELECT body FROM customers WHERE id = (SELECT customer FROM former_ids WHERE former = ?)"
        for (body,) in self._record.rows(query, (customer_id,)) or self._record.rows(former, (customer_id,)):
            return decode(Customer, body)
        return None

    def entries_of(self, customer_id: str) -> Sequence[Customer]:
        """See `ports.CustomerStore`."""
        query = "SELECT body FROM customer_entries WHERE customer = ? ORDER BY place, origin"
        return [decode(Customer, body) for (body,) in self._record.rows(query, (customer_id,))]

    def naming(self, customer_id: str) -> Sequence[str]:
        """See `ports.CustomerStore`."""
        query = "SELECT origin FROM customer_entries WHERE customer = ? AND ended < 2 ORDER BY place, origin"
        return [origin for (origin,) in self._record.rows(query, (customer_id,))]

    def former_ids(self, customer_id: str) -> Sequence[str]:
        """See `ports.CustomerStore`."""
        query = "SELECT former FROM former_ids WHERE customer = ? ORDER BY former"
        return [former for (former,) in self._record.rows(query, (customer_id,))]

    def ids(self, query: CustomerQuery) -> Sequence[str]:
        """See `ports.CustomerStore`."""
        where, values = _conditions(query)
        limit = "" if query.limit is None else f" LIMIT {int(query.limit)}"
        rows = self._record.rows(f"SELECT id FROM customers{where} ORDER BY id{limit}", values)  # noqa: S608 - our own texts
        return [customer_id for (customer_id,) in rows]

    def find(self, query: CustomerQuery) -> Iterator[Customer]:
        """See `ports.CustomerStore`."""
        return (found for customer_id in self.ids(query) if (found := self.known(customer_id)))

    def count(self, query: CustomerQuery) -> int:
        """See `ports.CustomerStore`."""
        where, values = _conditions(query)
        ((number,),) = self._record.rows(f"SELECT count(*) FROM customers{where}", values)  # noqa: S608 - our own texts
        return int(number)

    def matching(self, beginning: str, limit: int) -> Sequence[str]:
        """See `ports.CustomerStore`."""
        query = "SELECT id FROM customers WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        values = (beginning, beginning + "\U0010ffff", limit)
        return [customer_id for (customer_id,) in self._record.rows(query, values)]

    def sites_of(self, customer_id: str) -> Sequence[CustomerSite]:
        """See `ports.CustomerSites`."""
        return self._sites("WHERE customer = ? ORDER BY host, origin", (customer_id,))

    def named(self, host: str) -> Sequence[CustomerSite]:
        """See `ports.CustomerSites`."""
        labels = host.split(".")
        for name in (host, *("*." + ".".join(labels[n:]) for n in range(1, len(labels)))):
            alias = f"""SELECT {_SITE} FROM site_aliases JOIN sites USING (origin, host)
            WHERE name = ? ORDER BY host, origin"""  # noqa: S608 - our own texts
            aliased = [site_of(row) for row in self._record.rows(alias, (name,))]
            if found := [*self._sites("WHERE host = ? ORDER BY origin", (name,)), *aliased]:
                return found
        return ()

    def holding(self, path: bytes) -> Sequence[CustomerSite]:
        """See `ports.CustomerSites`."""
        above = list(_directories(path))
        marks = ", ".join("?" * len(above))
        deepest = f"SELECT docroot FROM sites WHERE docroot IN ({marks}) ORDER BY length(docroot) DESC LIMIT 1"  # noqa: S608 - our own texts
        return self._sites(f"WHERE docroot = ({deepest}) ORDER BY host, origin", tuple(above))

    def used_by(self, account: str) -> Sequence[CustomerSite]:
        """See `ports.CustomerSites`."""
        return self._sites("WHERE user = ? AND user <> '' ORDER BY host, origin", (account,))

    def sites(self) -> Iterator[CustomerSite]:
        """See `ports.CustomerSites`."""
        return map(site_of, self._record.rows(f"SELECT {_SITE} FROM sites ORDER BY host, origin"))  # noqa: S608 - our own texts

    def generation(self) -> int:
        """See `ports.CustomerSites`."""
        ((number,),) = self._record.rows("SELECT number FROM register_generation")
        return int(number)

    def past_sites_of(self, customer_id: str) -> Sequence[PastSite]:
        """See `ports.CustomerStore`."""
        return self._past("customer = ?", customer_id)

    def past_owners(self, host: str) -> Sequence[PastSite]:
        """See `ports.CustomerStore`."""
        return self._past("host = ?", host)

    @contextmanager
    def stage(self, origin: str) -> Iterator[StagedImport]:
        """See `ports.CustomerStore`."""
        staged = SqliteStagedImport(self._record, origin)
        try:
            yield staged
        finally:
            staged.close()

    def imports(self, origin: str | None = None) -> Sequence[RegisterImport]:
        """See `ports.CustomerStore`."""
        where, values = ("", ()) if origin is None else ("WHERE origin = ?", (origin,))
        rows = self._record.rows(f"SELECT body FROM register_imports {where} ORDER BY number DESC", values)  # noqa: S608 - our own texts
        return [decode(RegisterImport, body) for (body,) in rows]

    def erase(self, customer_id: str) -> None:
        """See `ports.CustomerStore`."""
        with self._record.changing() as db:
            db.execute(
                """DELETE FROM site_aliases WHERE (origin, host) IN
                (SELECT origin, host FROM sites WHERE customer = ?)""",
                (customer_id,),
            )
            for table in ("sites", "past_sites", "former_ids", "customer_entries"):
                db.execute(f"DELETE FROM {table} WHERE customer = ?", (customer_id,))  # noqa: S608 - our own texts
            db.execute("DELETE FROM customers WHERE id = ?", (customer_id,))
            db.execute("UPDATE register_generation SET number = number + 1")

    def _sites(self, where: str, values: tuple[object, ...]) -> list[CustomerSite]:
        return [site_of(row) for row in self._record.rows(f"SELECT {_SITE} FROM sites {where}", values)]  # noqa: S608 - our own texts

    def _past(self, where: str, value: str) -> list[PastSite]:
        query = f"SELECT host, customer, docroot, until FROM past_sites WHERE {where} ORDER BY until DESC, host"  # noqa: S608 - our own texts
        rows = self._record.rows(query, (value,))
        return [
            PastSite(host, customer, docroot, datetime.fromisoformat(until)) for host, customer, docroot, until in rows
        ]


def _directories(path: bytes) -> Iterator[bytes]:
    """The path and the directories above it, the deepest first."""
    for _ in range(_DEEPEST):
        yield path
        above = os.path.dirname(path)
        if above == path:
            return
        path = above


def _conditions(query: CustomerQuery) -> tuple[str, tuple[object, ...]]:
    parts: list[str] = []
    values: list[object] = []
    if query.statuses:
        parts.append(f"status IN ({', '.join('?' * len(query.statuses))})")
        values.extend(sorted(query.statuses))
    if query.reseller is not None:
        parts.append("reseller = ?")
        values.append(query.reseller)
    if query.origin is not None:
        parts.append("id IN (SELECT customer FROM customer_entries WHERE origin = ?)")
        values.append(query.origin)
    if query.among is not None:
        parts.append("id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(query.among)))
    if query.text:
        parts.append("instr(folded, ?) > 0")
        values.append(query.text.casefold())
    return (" WHERE " + " AND ".join(parts) if parts else "", tuple(values))
