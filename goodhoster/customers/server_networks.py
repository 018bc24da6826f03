"""Customers' own servers by address, from the networks of services in the register."""

from __future__ import annotations

import ipaddress
import threading
from collections import defaultdict

from goodhoster.locating.networks import Networks, networks_of
from goodhoster.ports import CustomerQuery, CustomerStore

_CURRENT = frozenset({"active", "suspended"})
_State = tuple[int, object]


class ServerNetworks:
    """The networks of customers; read again when the register has changed. Threads may share it."""

    def __init__(self, store: CustomerStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: tuple[_State, Networks] | None = None

    def owners_of(self, address: str) -> tuple[str, ...]:
        """The customers whose network, the smallest, holds an address; mostly none or one."""
        with self._lock:
            state = self._state()
            if self._kept is None or self._kept[0] != state:
                self._kept = state, self._read()
            networks = self._kept[1]
        return tuple(filter(None, networks.owner_of(address.strip("[]")).split("\n")))

    def _state(self) -> _State:
        return self._store.generation(), next(iter(self._store.imports()), None)

    def _read(self) -> Networks:
        owners: dict[ipaddress.IPv4Network | ipaddress.IPv6Network, list[str]] = defaultdict(list)
        for customer in self._store.find(CustomerQuery(statuses=_CURRENT)):
            for network in {network for service in customer.services for network in service.networks}:
                owners[ipaddress.ip_network(network, strict=False)].append(customer.id)
        return networks_of({network: "\n".join(ids) for network, ids in owners.items()})
