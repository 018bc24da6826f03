"""What one client of a proxy may have under way at the ICAP door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from goodhoster_agent.doors.rate_limit import client_key


class ClientLimits:
    """What each client of a proxy has under way: nobody may take all connections, or all room."""

    def __init__(self, most_messages: int, most_bytes: int) -> None:
        self._most = most_messages
        self._most_bytes = most_bytes
        self._under_way: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    @contextmanager
    def admit(self, client: str) -> Iterator[bool]:
        """Count one message while the block lasts; whether it is not too many."""
        self._under_way[client] += 1
        try:
            yield self._under_way[client] <= self._most
        finally:
            self._under_way[client] -= 1
            if not self._under_way[client]:
                del self._under_way[client]

    def take(self, client: str, size: int) -> bool:
        """Count more bytes of that client; False, and none counted, where it has its share."""
        if self._bytes[client] + size > self._most_bytes:
            return False
        self._bytes[client] += size
        return True

    def give_back(self, client: str, size: int) -> None:
        """Bytes of that client are no longer kept."""
        self._bytes[client] -= size
        if self._bytes[client] <= 0:
            del self._bytes[client]


def client_of(stated: str, peer: str) -> str:
    """Whoever a proxy names as its client; the peer where it names none."""
    try:
        return client_key(stated)
    except ValueError:
        return peer
