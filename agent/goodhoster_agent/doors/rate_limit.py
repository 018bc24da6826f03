"""A rate limit for strangers.

What one of them sends in a flood is accepted, too, only later.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

_INTERVAL_SECONDS = 1.0  # seconds between two notices of one address
_MOST_ADDRESSES = 10_000  # addresses remembered; only those of the last second matter
_IPV6_LINE = 64
"""Length of the prefix that one customer of an access provider has at least."""


class RateLimit:
    """A limit of one request a second for each network address."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._next: dict[str, float] = {}

    def admit(self, address: str) -> bool:
        """Whether that address may send now; if so, the time is recorded."""
        now, client = self._now(), _key_of(address)
        if now < self._next.get(client, now):
            return False
        if len(self._next) >= _MOST_ADDRESSES:
            self._next = {known: until for known, until in self._next.items() if until > now}
        self._next[client] = now + _INTERVAL_SECONDS
        return True


def client_key(address: str) -> str:
    """One client in limits: an IPv4 address, or the network of one line (a /64 of IPv6).

    ValueError where it is no address.
    """
    found = ipaddress.ip_address(address.strip())
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _IPV6_LINE), strict=False))


def _key_of(address: str) -> str:
    try:
        return client_key(address)
    except ValueError:  # a connection by a socket
        return address
