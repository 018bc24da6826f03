"""Whose servers of their own an address belongs to."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.customers.server_networks import ServerNetworks
from goodhoster.model.customers.register import Customer, Service
from goodhoster.testing.suites.customer_store import imported


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteCustomerStore]:
    with closing(customers_file(tmp_path / "customers.sqlite")) as record:
        yield SqliteCustomerStore(record)


def with_networks(name: str, *networks: str) -> Customer:
    return Customer(name, services=(Service("s1", "vps", networks=networks, inspectable=False),))


def test_the_smallest_network_tells_and_a_change_is_seen(store: SqliteCustomerStore) -> None:
    networks = ServerNetworks(store)
    assert networks.owners_of("192.0.2.7") == ()
    imported(store, [with_networks("anna", "192.0.2.0/24"), with_networks("bob", "192.0.2.4/30", "2001:db8::/48")])
    assert networks.owners_of("192.0.2.99") == ("anna",)
    assert networks.owners_of("192.0.2.7") == ("bob",)
    assert networks.owners_of("[2001:db8::1]") == ("bob",)
    assert networks.owners_of("198.51.100.1") == networks.owners_of("no address") == ()
    imported(store, [with_networks("eve", "192.0.2.4/30")], origin="other")
    assert networks.owners_of("192.0.2.7") == ("bob", "eve")
    imported(store, [with_networks("anna"), with_networks("bob")])
    assert networks.owners_of("192.0.2.7") == ("eve",)
