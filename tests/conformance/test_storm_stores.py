"""Every record of storms keeps the promises of its ports."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.memory_storms import MemoryStormStore
from goodhoster.adapters.stores.storms import SqliteStormStore
from goodhoster.testing.suites.storm_store import Storms, StormStoreSuite, storm


class TestMemory(StormStoreSuite):
    @pytest.fixture
    def store(self) -> Storms:
        return MemoryStormStore()


class TestSqlite(StormStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Storms]:
        cases = SqliteCaseStore(tmp_path / "record.sqlite")
        yield SqliteStormStore(cases.record)
        cases.close()

    def test_it_survives_its_process(self, store: Storms, tmp_path: Path) -> None:
        store.begin(storm("s1"))
        with closing(SqliteCaseStore(tmp_path / "record.sqlite")) as cases:
            assert SqliteStormStore(cases.record).get("s1") == storm("s1")
