"""Every record of vetting keeps the promises of the port."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.vetting import SqliteVettingStore
from goodhoster.ports.vetting import VettingStore
from goodhoster.testing.suites.vetting_store import VettingStoreSuite


class TestSqlite(VettingStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[VettingStore]:
        with closing(customers_file(tmp_path / "customers.sqlite")) as record:
            yield SqliteVettingStore(record)
