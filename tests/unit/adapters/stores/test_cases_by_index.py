"""What is asked with every measure costs the same however many cases there are: SQLite finds it by an index."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore, conditions
from goodhoster.ports import CaseQuery

HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (CaseQuery(opened_since=HOUR, automatic=True, notifier="hotline"), "COVERING INDEX cases_notifier "),
        (CaseQuery(opened_since=HOUR, automatic=True, notifier="hotline", customer="anna"), "cases_customer"),
        (CaseQuery(opened_since=HOUR, automatic=True), "cases_opened"),
    ],
)
def test_the_measures_of_an_hour_are_counted_by_an_index(tmp_path: Path, query: CaseQuery, index: str) -> None:
    file = tmp_path / "record.sqlite"
    SqliteCaseStore(file).close()
    parts, values = conditions(query)
    with closing(sqlite3.connect(file)) as db:
        counting = f"EXPLAIN QUERY PLAN SELECT count(*) FROM cases WHERE {' AND '.join(parts)}"  # noqa: S608 - ours
        plan = " ".join(row[-1] for row in db.execute(counting, values))
    assert index in plan
