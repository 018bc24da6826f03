"""Every record of cases keeps the promises of the port."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.memory import MemoryCaseStore
from goodhoster.errors import BusyError, ConfigurationError, PermanentError, RefusedError
from goodhoster.model.cases import CaseState
from goodhoster.ports import CaseQuery, CaseStore
from goodhoster.testing.suites.case_store import CaseStoreSuite, a_case


class TestMemory(CaseStoreSuite):
    @pytest.fixture
    def store(self) -> CaseStore:
        return MemoryCaseStore()


class TestSqlite(CaseStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[CaseStore]:
        store = SqliteCaseStore(tmp_path / "record.sqlite")
        yield store
        store.close()

    def test_two_processes_share_it(self, store: CaseStore, tmp_path: Path) -> None:
        other = SqliteCaseStore(tmp_path / "record.sqlite")
        store.add(a_case())
        other.replace(replace(a_case(), state=CaseState.OFFLINE), expected=CaseState.OPEN)
        with pytest.raises(RefusedError):
            store.replace(replace(a_case(), state=CaseState.GONE), expected=CaseState.OPEN)
        assert store.get(a_case().id).state is CaseState.OFFLINE
        other.close()

    def test_a_copy_that_joins_later_is_found_too(self, store: CaseStore) -> None:
        store.add(replace(a_case(), measures=()))
        store.replace(a_case(), expected=CaseState.OPEN)
        copy = a_case().measures[1].copy
        assert copy is not None
        assert store.find(CaseQuery(place=copy.upload.place)) == [a_case()]


def test_a_record_of_another_version_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite"
    SqliteCaseStore(file).close()
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConfigurationError, match="99"):
        SqliteCaseStore(file)


def test_what_is_no_record_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite"
    file.write_bytes(b"not a database, and somebody may need it" * 100)
    before = file.read_bytes()
    with pytest.raises(ConfigurationError, match="not a database"):
        SqliteCaseStore(file)
    assert file.read_bytes() == before


def test_a_damaged_record_is_an_error_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite"
    store = SqliteCaseStore(file)
    store.add(a_case())
    store.close()
    with closing(sqlite3.connect(file)) as database:
        ((page,),) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'cases'")
    with file.open("r+b") as opened:
        opened.seek((page - 1) * 4096)
        opened.write(b"\xa5" * 4096)
    store = SqliteCaseStore(file)
    with pytest.raises(PermanentError, match="damaged"):
        store.find(CaseQuery())
    store.close()


def test_a_record_that_another_holds_is_busy(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite"
    store = SqliteCaseStore(file, timeout=0.1)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(BusyError, match="another process"):
        store.add(a_case())
    holder.execute("ROLLBACK")
    store.add(a_case())
    holder.close()
    store.close()


def test_a_full_disk_is_said_and_nothing_is_half_written(disk: Callable[..., Path]) -> None:
    top = disk("tmpfs", size=1)
    store = SqliteCaseStore(top / "record.sqlite")
    store.add(a_case())
    numbers = itertools.count()
    with pytest.raises(PermanentError, match=r"full|I/O"):
        _add_without_end(store, numbers)
    assert store.get(a_case().id) == a_case()
    assert store.count(CaseQuery()) == next(numbers)
    store.close()


def _add_without_end(store: CaseStore, numbers: Iterator[int]) -> None:
    for number in numbers:
        store.add(a_case(f"case-{number}", path=b"%d" % number))
