"""An import in temporary tables, compared there with what its source said before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from goodhoster.adapters.stores.codec import decode, encode
from goodhoster.adapters.stores.database import RecordFile, Row, time_text
from goodhoster.model.customers.register import (
    ContestedSite,
    Customer,
    CustomerSite,
    RegisterDifference,
    RegisterImport,
    combined,
    filled_up,
)

_TABLES = (
    "CREATE TABLE temp.staged_customers (id TEXT PRIMARY KEY, ended INTEGER, body TEXT) WITHOUT ROWID",
    """CREATE TABLE temp.staged_sites (
      host TEXT PRIMARY KEY, customer TEXT, docroot BLOB, user TEXT, aliases TEXT
    ) WITHOUT ROWID""",
    "CREATE TABLE temp.staged_former (former TEXT PRIMARY KEY, customer TEXT) WITHOUT ROWID",
    "CREATE TABLE temp.kept (id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE temp.customer_changes (id TEXT PRIMARY KEY, kind TEXT) WITHOUT ROWID",
    "CREATE TABLE temp.site_changes (host TEXT PRIMARY KEY, kind TEXT) WITHOUT ROWID",
)
_BATCH = 1000  # rows that are written together

_CUSTOMERS_GIVEN = """INSERT INTO customer_changes
SELECT s.id, CASE WHEN e.body IS NULL THEN 'added' WHEN e.body <> s.body THEN 'changed' ELSE 'unchanged' END
FROM staged_customers s LEFT JOIN customer_entries e ON e.customer = s.id AND e.origin = ?"""
_CUSTOMERS_MISSED = """INSERT INTO customer_changes
SELECT customer, 'ended' FROM customer_entries WHERE origin = ? AND NOT ended
AND customer NOT IN (SELECT id FROM staged_customers) AND customer NOT IN (SELECT id FROM kept)"""
_SITES_GIVEN = """INSERT INTO site_changes
SELECT n.host, CASE WHEN o.host IS NULL THEN 'added'
WHEN (o.customer, o.docroot, o.user, o.aliases) IS NOT (n.customer, n.docroot, n.user, n.aliases) THEN 'changed'
ELSE 'unchanged' END
FROM staged_sites n LEFT JOIN sites o ON o.host = n.host AND o.origin = ?"""
_SITES_MISSED = """INSERT INTO site_changes
SELECT host, 'removed' FROM sites WHERE origin = ?
AND host NOT IN (SELECT host FROM staged_sites) AND customer NOT IN (SELECT id FROM kept)"""
_FILL_UP_SITES = """UPDATE staged_sites SET docroot = coalesce(staged_sites.docroot, o.docroot),
user = CASE staged_sites.user WHEN '' THEN o.user ELSE staged_sites.user END,
aliases = CASE staged_sites.aliases WHEN '' THEN o.aliases ELSE staged_sites.aliases END
FROM sites o WHERE o.host = staged_sites.host AND o.origin = ? AND o.customer = staged_sites.customer"""

_STAGED_NAMES = """SELECT host, customer FROM staged_sites UNION
SELECT alias.value, customer FROM staged_sites, json_each('["' || replace(aliases, ' ', '","') || '"]') alias
WHERE aliases <> ''"""
# CROSS JOIN: from what is staged to the indexes of what is there, and not the other way.
_CONTESTED = f"""WITH n (name, customer) AS ({_STAGED_NAMES})
SELECT n.name, n.customer, o.customer, o.origin FROM n CROSS JOIN sites o ON o.host = n.name
WHERE o.origin <> :origin AND o.customer <> n.customer UNION
SELECT n.name, n.customer, o.customer, o.origin FROM n CROSS JOIN site_aliases a ON a.name = n.name
CROSS JOIN sites o ON o.origin = a.origin AND o.host = a.host
WHERE o.origin <> :origin AND o.customer <> n.customer UNION
SELECT n.docroot, n.customer, o.customer, o.origin FROM staged_sites n CROSS JOIN sites o ON o.docroot = n.docroot
WHERE o.docroot IS NOT NULL AND o.origin <> :origin AND o.customer <> n.customer ORDER BY 1, 3, 4"""  # noqa: S608 - our own texts

_KEEP_HISTORY = """INSERT INTO past_sites
SELECT o.host, o.customer, o.docroot, :at FROM sites o JOIN site_changes c ON c.host = o.host
LEFT JOIN staged_sites n ON n.host = o.host
WHERE o.origin = :origin AND (c.kind = 'removed' OR (c.kind = 'changed' AND n.customer <> o.customer))"""
_DROP_ALIASES = """DELETE FROM site_aliases WHERE origin = ?
AND host IN (SELECT host FROM site_changes WHERE kind IN ('removed', 'changed'))"""
_DROP_SITES = """DELETE FROM sites WHERE origin = ?
AND host IN (SELECT host FROM site_changes WHERE kind IN ('removed', 'changed'))"""
_PUT_SITES = """INSERT INTO sites
SELECT ?, host, customer, docroot, user, aliases FROM staged_sites
WHERE host IN (SELECT host FROM site_changes WHERE kind IN ('added', 'changed'))"""
_PUT_ENTRIES = """INSERT INTO customer_entries
SELECT s.id, :origin, coalesce((SELECT max(place) + 1 FROM customer_entries WHERE customer = s.id), 0), s.ended, s.body
FROM staged_customers s JOIN customer_changes c ON c.id = s.id WHERE c.kind IN ('added', 'changed')
ON CONFLICT DO UPDATE SET ended = excluded.ended, body = excluded.body"""
_MISSED = 2
"""In `customer_entries.ended`: the source does not name the customer any more; 1: it names it as ended."""
_GIVEN_AGAIN = f"""UPDATE customer_entries SET ended = 1 WHERE origin = ? AND ended = {_MISSED}
AND customer IN (SELECT id FROM staged_customers)"""  # noqa: S608 - our own texts
_NAMED_NO_MORE = f"""UPDATE customer_entries SET ended = {_MISSED} WHERE origin = ? AND ended
AND customer NOT IN (SELECT id FROM staged_customers) AND customer NOT IN (SELECT id FROM kept)"""  # noqa: S608 - our own texts
_TOUCHED = """SELECT customer, body FROM customer_entries
WHERE customer IN (SELECT id FROM customer_changes WHERE kind <> 'unchanged') ORDER BY customer, place, origin"""


class SqliteStagedImport:
    """See `ports.StagedImport`.

    Has a connection of its own: other threads and processes go on meanwhile.
    """

    def __init__(self, record: RecordFile, origin: str) -> None:
        self._record = record.opened_again()
        self._origin = origin
        self._replace = False
        self._customers: dict[str, Customer] = {}
        self._sites: dict[str, CustomerSite] = {}
        with self._record.changing() as db:
            for table in _TABLES:
                db.execute(table)

    def add(self, customer: Customer) -> None:
        """See `ports.StagedImport`."""
        self._customers[customer.id] = replace(customer, origin=self._origin)
        if len(self._customers) >= _BATCH:
            self._write()

    def add_site(self, site: CustomerSite) -> None:
        """See `ports.StagedImport`."""
        self._sites[site.host] = replace(site, origin=self._origin)
        if len(self._sites) >= _BATCH:
            self._write()

    def staged(self, customer_id: str) -> Customer | None:
        """See `ports.StagedImport`."""
        if customer_id in self._customers:
            return self._customers[customer_id]
        for (body,) in self._record.rows("SELECT body FROM staged_customers WHERE id = ?", (customer_id,)):
            return decode(Customer, body)
        return None

    def staged_site(self, host: str) -> CustomerSite | None:
        """See `ports.StagedImport`."""
        if host in self._sites:
            return self._sites[host]
        query = "SELECT host, customer, docroot, user, aliases FROM staged_sites WHERE host = ?"
        for row in self._record.rows(query, (host,)):
            return site_of((*row, self._origin))
        return None

    def drop(self, customer_id: str) -> None:
        """See `ports.StagedImport`."""
        self._write()
        with self._record.changing() as db:
            db.execute("DELETE FROM staged_customers WHERE id = ?", (customer_id,))
            db.execute("DELETE FROM staged_sites WHERE customer = ?", (customer_id,))
            db.execute("DELETE FROM staged_former WHERE customer = ?", (customer_id,))

    def had_id(self, former: str, customer_id: str) -> None:
        """See `ports.StagedImport`."""
        with self._record.changing() as db:
            db.execute("INSERT OR REPLACE INTO staged_former VALUES (?, ?)", (former, customer_id))

    def difference(self, *, replace: bool, keep: frozenset[str] = frozenset()) -> RegisterDifference:
        """See `ports.StagedImport`."""
        self._write()
        self._replace = replace
        with self._record.changing() as db:
            for table in ("kept", "customer_changes", "site_changes"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own texts
            db.executemany("INSERT INTO kept VALUES (?)", [(customer_id,) for customer_id in sorted(keep)])
            if not replace:
                self._fill_gaps(db)
            # What has another id now has not ended.
            db.execute("INSERT OR IGNORE INTO kept SELECT former FROM staged_former")
            for statement in (_CUSTOMERS_GIVEN, _SITES_GIVEN, *((_CUSTOMERS_MISSED, _SITES_MISSED) if replace else ())):
                db.execute(statement, (self._origin,))
            customers = dict(db.execute("SELECT kind, count(*) FROM customer_changes GROUP BY kind"))
            sites = dict(db.execute("SELECT kind, count(*) FROM site_changes GROUP BY kind"))
        return RegisterDifference(
            before=self._count("SELECT count(*) FROM customer_entries WHERE origin = ? AND NOT ended"),
            sites_before=self._count("SELECT count(*) FROM sites WHERE origin = ?"),
            **{kind: customers.get(kind, 0) for kind in ("added", "changed", "unchanged", "ended")},
            **{f"sites_{kind}": sites.get(kind, 0) for kind in ("added", "changed", "removed")},
        )

    def changes(self) -> Iterator[tuple[str, str]]:
        """See `ports.StagedImport`."""
        query = "SELECT kind, id FROM customer_changes WHERE kind <> 'unchanged' ORDER BY id"
        return ((kind, customer_id) for kind, customer_id in self._record.rows(query))

    def contested(self) -> Iterator[ContestedSite]:
        """See `ports.StagedImport`."""
        for name, *rest in self._record.rows(_CONTESTED, {"origin": self._origin}):
            yield ContestedSite(name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name, *rest)

    def apply(self, done: RegisterImport) -> None:
        """See `ports.StagedImport`."""
        with self._record.changing() as db:
            db.execute("UPDATE register_generation SET number = number + 1")
            _rename(db)
            db.execute(_KEEP_HISTORY, {"origin": self._origin, "at": time_text(done.at)})
            for statement in (_DROP_ALIASES, _DROP_SITES, _PUT_SITES):
                db.execute(statement, (self._origin,))
            self._put_aliases(db)
            db.execute(_PUT_ENTRIES, {"origin": self._origin})
            self._end_missing(db)
            for statement in (_GIVEN_AGAIN, *((_NAMED_NO_MORE,) if self._replace else ())):
                db.execute(statement, (self._origin,))
            _combine(db)
            values = (done.origin, encode(done))
            db.execute("INSERT INTO register_imports (origin, body) VALUES (?, ?)", values)

    def close(self) -> None:
        """Forget what was not applied."""
        self._record.close()

    def _write(self) -> None:
        customers = [(c.id, c.status == "ended", encode(c)) for c in self._customers.values()]
        sites = [(s.host, s.customer, s.docroot, s.user, " ".join(s.aliases)) for s in self._sites.values()]
        with self._record.changing() as db:
            db.executemany("INSERT OR REPLACE INTO staged_customers VALUES (?, ?, ?)", customers)
            db.executemany("INSERT OR REPLACE INTO staged_sites VALUES (?, ?, ?, ?, ?)", sites)
        self._customers.clear()
        self._sites.clear()

    def _fill_gaps(self, db: sqlite3.Connection) -> None:
        """Let what the source said before stand where it says nothing now."""
        given = """SELECT s.id, s.body, e.body FROM staged_customers s
        JOIN customer_entries e ON e.customer = s.id AND e.origin = ? WHERE s.body <> e.body"""
        rows = (
            (encode(filled_up(decode(Customer, now), decode(Customer, before))), customer_id)
            for customer_id, now, before in db.execute(given, (self._origin,)).fetchall()
        )
        db.executemany("UPDATE staged_customers SET body = ? WHERE id = ?", rows)
        db.execute(_FILL_UP_SITES, (self._origin,))

    def _count(self, query: str) -> int:
        ((number,),) = self._record.rows(query, (self._origin,))
        return int(number)

    def _put_aliases(self, db: sqlite3.Connection) -> None:
        rows = db.execute(
            """SELECT aliases, host FROM staged_sites WHERE aliases <> ''
            AND host IN (SELECT host FROM site_changes WHERE kind IN ('added', 'changed'))"""
        )
        names = ((name, self._origin, host) for aliases, host in rows for name in aliases.split())
        db.executemany("INSERT OR IGNORE INTO site_aliases VALUES (?, ?, ?)", names)

    def _end_missing(self, db: sqlite3.Connection) -> None:
        missed = db.execute(
            """SELECT customer, body FROM customer_entries WHERE origin = ?
            AND customer IN (SELECT id FROM customer_changes WHERE kind = 'ended')""",
            (self._origin,),
        ).fetchall()
        db.executemany(
            "UPDATE customer_entries SET ended = 1, body = ? WHERE customer = ? AND origin = ?",
            [(encode(replace(decode(Customer, body), status="ended")), of, self._origin) for of, body in missed],
        )


def _rename(db: sqlite3.Connection) -> None:
    """Give what is kept of former ids to those of today.

    What the import itself says comes on top.
    """
    new = """SELECT former, customer FROM staged_former
    EXCEPT SELECT former, customer FROM former_ids"""  # whoever has that id by now is somebody else
    for former, now in db.execute(new).fetchall():
        db.execute("UPDATE OR REPLACE former_ids SET customer = ? WHERE customer = ?", (now, former))
        db.execute("INSERT OR REPLACE INTO former_ids VALUES (?, ?)", (former, now))
        db.execute("DELETE FROM former_ids WHERE former = ?", (now,))
        db.execute("UPDATE past_sites SET customer = ? WHERE customer = ?", (now, former))
        db.execute("UPDATE sites SET customer = ? WHERE customer = ?", (now, former))
        db.execute("UPDATE OR IGNORE customer_entries SET customer = ? WHERE customer = ?", (now, former))
        db.execute("DELETE FROM customer_entries WHERE customer = ?", (former,))
        db.execute("DELETE FROM customers WHERE id = ?", (former,))


def _combine(db: sqlite3.Connection) -> None:
    """Make each customer anew of what all sources say."""
    for customer_id, rows in groupby(db.execute(_TOUCHED), key=lambda row: row[0]):
        whole = combined([replace(decode(Customer, body), id=customer_id) for _, body in rows])
        folded = f"{whole.id}\n{whole.name}".casefold()
        values = (whole.id, folded, whole.reseller, whole.status, encode(whole))
        db.execute("INSERT OR REPLACE INTO customers VALUES (?, ?, ?, ?, ?)", values)


def site_of(row: Row) -> CustomerSite:
    """The site of a row of host, customer, docroot, user, aliases and origin."""
    host, customer, docroot, user, aliases, origin = row
    return CustomerSite(host, customer, docroot, user, tuple(aliases.split()), origin)
