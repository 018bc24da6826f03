"""Every register of customers keeps the promises of the port."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.adapters.stores.memory_customers import MemoryCustomerStore
from goodhoster.ports import CustomerStore
from goodhoster.testing.suites.customer_store import ANNA, CustomerStoreSuite, imported


class TestMemory(CustomerStoreSuite):
    @pytest.fixture
    def store(self) -> CustomerStore:
        return MemoryCustomerStore()


class TestSqlite(CustomerStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[CustomerStore]:
        with closing(customers_file(tmp_path / "customers.sqlite")) as record:
            yield SqliteCustomerStore(record)

    def test_two_processes_share_it(self, store: CustomerStore, tmp_path: Path) -> None:
        with closing(customers_file(tmp_path / "customers.sqlite")) as record:
            other = SqliteCustomerStore(record)
            before = other.generation()
            imported(store, [ANNA])
            assert other.get("anna").name == "Anna Example"
            assert other.generation() != before

    def test_two_imports_may_be_staged_at_once(self, store: CustomerStore) -> None:
        with store.stage("one") as one, store.stage("two") as two:
            one.add(ANNA)
            assert two.difference(replace=True).added == 0
            assert one.difference(replace=True).added == 1
