"""Plans of every statement that a record's file is given while a test runs."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from goodhoster.adapters.stores.database import RecordFile

READ_THROUGH = {
    "SCAN CONSTANT ROW": "values",
    "SCAN (subquery": "what was found before",
    "SCAN sqlite_schema": "a row for each table",
    "SCAN json_each": "the matches or measures of one case",
    "SCAN claims": "cases that somebody is at work on",
    "SCAN condition": "what lasts now",
    "SCAN observed_time": "one row",
    "SCAN register_generation": "one row",
    "SCAN unlogged_erasures": "what a crash left: none, or one row",
    "SCAN legal_basis": "a row for each tree and source",
    "SCAN house_rules": "a row for each change of the rules",
    "SCAN notices USING INDEX notices_running": "open notices",
    "SCAN contact_requests USING INDEX contact_requests_open": "open requests",
    "SCAN s ": "customers of one import, which is compared as a whole",
    "SCAN n ": "its sites",
    "SCAN staged_": "the same",
    "SCAN alias VIRTUAL TABLE": "the aliases of its sites",
    "SCAN former_ids": "the same",
    "SCAN kept": "the same",
    "SCAN customer_changes": "the same",
    "SCAN site_changes": "the same",
    "SCAN cases": "a list without a filter, a report, or metrics: asked for by a person",
    "SCAN case_copies": "a list by a filter that nothing passes",
    "SCAN notices": "a list without a filter, or a part of a name: asked for by a person",
    "SCAN notice_items": "a list by customer: the same",
    "SCAN customers": "the same",
    "SCAN sites": "the same",
    "SCAN register_imports": "the same; see [retention] register",
    "SCAN screening_findings": "the same",
    "SCAN delivery": "the same; see [retention] alerts",
    "SCAN standing_statements": "of one customer, for whoever wants his data or has them erased",
    "SCAN screening_customers": "the same",
}
"""What may be read from its beginning to its end, and why. What is polled has stricter tests of its own."""
ONLY_FOR_ONE_CUSTOMER = re.compile(r"(SELECT \*|DELETE) FROM (standing_statements|screening_customers) WHERE ")


@contextmanager
def planned(patch: pytest.MonkeyPatch) -> Iterator[set[tuple[str, str]]]:
    """Yield the set of plans and statements that read a table through; it is filled as files are closed."""
    found: set[tuple[str, str]] = set()
    told: dict[int, set[str]] = {}
    init, close = RecordFile.__init__, RecordFile.close

    def opened(self: RecordFile, *args: object, **more: object) -> None:
        init(self, *args, **more)  # type: ignore[arg-type]
        told[id(self)] = set()
        self._db.set_trace_callback(told[id(self)].add)

    def closed(self: RecordFile) -> None:
        if id(self) in told:  # else it is closed a second time
            self._db.set_trace_callback(None)
            found.update(through(self._db, told.pop(id(self))))
        close(self)

    patch.setattr(RecordFile, "__init__", opened)
    patch.setattr(RecordFile, "close", closed)
    yield found


def through(db: sqlite3.Connection, statements: set[str]) -> Iterator[tuple[str, str]]:
    """The statements that read a table through, each with that line of its plan."""
    for statement in statements:
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", statement):
            try:
                plan = db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            except sqlite3.OperationalError:
                continue  # a temporary table of an import that is over
            for *_, line in plan:
                if line.startswith("SCAN") and not _may_be(line, statement):
                    yield line, statement


def _may_be(line: str, statement: str) -> bool:
    if line.startswith(("SCAN standing_statements", "SCAN screening_customers")):
        return bool(ONLY_FOR_ONE_CUSTOMER.match(statement))
    return f"{line} ".startswith(tuple(READ_THROUGH))


@pytest.fixture(autouse=True)
def every_statement_uses_an_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where a statement of the test reads a table through that grows: imported by the folders' conftest."""
    with planned(monkeypatch) as found:
        yield
    assert not found, sorted(found)
