"""Removal of what the record, the letters and the audit log's keys hold of a customer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from goodhoster.adapters.stores.database import RecordFile
from goodhoster.linux.durable_files import sync_directory
from goodhoster.model.storms import StormKind
from goodhoster.ports import ForgottenCustomer
from goodhoster.ports.proof import PseudonymStore, RenamedScope

_TREE = b"/forgotten"
_REASON = "its customer is forgotten"


class RecordTraces:
    """See `ports.CustomerTraces`, for cases, storms and the counts of the brake.

    A case stays with its state, times, digests, matches and measures, so that figures stay what they are.
    """

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`."""
        with self._record.erasing() as db:
            for case_id in customer.cases:
                _unlink_case(db, case_id, customer.name)
            for number, name in enumerate(customer.ids):
                _unlink_counts(db, name, customer)
                _unlink_storms(db, name, f"{customer.name}-{number}")
        return len(customer.cases)


def drawing_scope(customer_id: str) -> str:
    """The scope of the key by which names for a customer's URLs are drawn."""
    return f"forgotten-urls/{customer_id}"


class UrlKeyTraces:
    """See `ports.CustomerTraces`, for what the audit log says of the URLs of notices.

    When one was gone and back stays readable under its drawn name, so that the mirror's figures stay what they are.
    """

    def __init__(self, keys: PseudonymStore) -> None:
        self._keys = keys

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`."""
        scopes = [(f"notice/{one.notice}/{one.url}", f"notice/{one.notice}/{one.drawn}", one) for one in customer.urls]
        scopes += [(f"notice/{one.url}", f"notice/{one.drawn}", one) for one in customer.urls if not one.elsewhere]
        renamed = self._keys.rename([RenamedScope(old, new, "url", one.url, one.drawn) for old, new, one in scopes])
        return renamed + self._keys.delete([f"notice/{notice}" for notice in customer.notices])


class KeyTraces:
    """See `ports.CustomerTraces`, for the keys of the audit log's references."""

    def __init__(self, keys: PseudonymStore) -> None:
        self._keys = keys

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`."""
        scopes = [f"customer/{name}" for name in customer.ids] + [f"case/{case_id}" for case_id in customer.cases]
        scopes += [] if customer.notices_kept else [drawing_scope(name) for name in customer.ids]
        kept = [f"case/{case_id}" for case_id in customer.kept]
        return self._keys.delete(scopes, [("customer", name) for name in customer.ids], kept)


class LetterTraces:
    """See `ports.CustomerTraces`, for letters to the customer that were sent or refused."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def unlink(self, customer: ForgottenCustomer) -> int:
        """See `ports.CustomerTraces`."""
        addresses = {address.lower() for address in customer.addresses}
        gone = [file for file in self._letters() if addresses and _receiver(file) in addresses]
        for file in gone:
            file.unlink()
        for folder in {file.parent for file in gone}:
            sync_directory(folder)
        return len(gone)

    def _letters(self) -> Iterable[Path]:
        for pattern in ("sent/*/*.json", "refused/*.json"):
            yield from sorted(self._directory.glob(pattern))


def _unlink_case(db: sqlite3.Connection, case_id: str, name: str) -> None:
    for (measures,) in db.execute("SELECT measures FROM cases WHERE id = ?", (case_id,)).fetchall():
        numbered = enumerate(json.loads(measures))
        unlinked = json.dumps([_unlinked_measure(measure, f"{case_id}-{number}") for number, measure in numbered])
        values = (name, _TREE, case_id.encode(), unlinked, _REASON, case_id)
        query = "UPDATE cases SET customer = ?, tree = ?, path = ?, measures = ?, reason = ? WHERE id = ?"
        db.execute(query, values)
    db.execute("DELETE FROM case_copies WHERE id = ?", (case_id,))


def _unlinked_measure(measure: list[Any], path: str) -> list[Any]:
    """A measure without its place; its detail quotes paths, and names who asked."""
    kind, state, detail, copy = measure
    return [kind, state, _REASON if detail else "", [_TREE.hex(), path.encode().hex(), *copy[2:]] if copy else None]


def _unlink_counts(db: sqlite3.Connection, name: str, customer: ForgottenCustomer) -> None:
    db.execute("DELETE FROM measure_counts WHERE customer = ?", (name,))
    db.execute("DELETE FROM counted_contents WHERE customer = ?", (name,))
    db.execute("DELETE FROM attempt_customers WHERE customer = ?", (name,))
    if not customer.kept:
        # Contents that other customers have too still count as those of somebody.
        db.execute("UPDATE OR REPLACE matched_customers SET customer = ? WHERE customer = ?", (customer.name, name))


def _unlink_storms(db: sqlite3.Connection, name: str, drawn: str) -> None:
    db.execute(
        "UPDATE storms SET about = ?, reason = ?, decision_reason = '' WHERE kind IN (?, ?) AND about = ?",
        (drawn, _REASON, StormKind.CUSTOMER_CAP, StormKind.ATTEMPT_CUSTOMER_CAP, name),
    )


def _receiver(file: Path) -> str:
    return str(json.loads(file.read_text(encoding="utf-8"))["to"]).lower()
