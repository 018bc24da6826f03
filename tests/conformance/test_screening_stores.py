"""Every record of screening keeps the promises of the port."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.screening import SqliteScreeningStore
from goodhoster.ports.screening import ScreeningStore
from goodhoster.testing.suites.screening_store import ScreeningStoreSuite


class TestSqlite(ScreeningStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[ScreeningStore]:
        with closing(customers_file(tmp_path / "customers.sqlite")) as record:
            yield SqliteScreeningStore(record)
