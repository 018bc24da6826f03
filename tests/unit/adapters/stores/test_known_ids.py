"""Every kind of record that the log speaks of is found in its database, and what is none is not."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.known_ids import known_ids
from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.errors import PermanentError
from goodhoster.model.audit import RECORD_KINDS
from goodhoster.testing.suites.case_store import a_case


def test_every_kind_has_a_table_and_only_what_is_there_is_known(tmp_path: Path) -> None:
    with closing(SqliteCaseStore(tmp_path / "record.sqlite")) as cases:
        cases.add(a_case())
    SqliteNoticeStore(tmp_path / "notices.sqlite").close()
    customers_file(tmp_path / "customers.sqlite").close()
    known = known_ids(tmp_path)
    assert set(known) == {kind.name for kind in RECORD_KINDS}
    assert {name: found(["a", a_case().id]) for name, found in known.items() if found(["a", a_case().id])} == {
        "case": {a_case().id}
    }
    assert known_ids(tmp_path / "empty")["case"](["a"]) == frozenset()


def test_a_database_that_cannot_be_read_is_an_error_and_no_loss(tmp_path: Path) -> None:
    (tmp_path / "notices.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(PermanentError, match="cannot be compared"):
        known_ids(tmp_path)["notice"](["a"])
    with closing(sqlite3.connect(tmp_path / "record.sqlite")):
        pass
    with pytest.raises(PermanentError, match="no such table"):
        known_ids(tmp_path)["case"](["a"])
