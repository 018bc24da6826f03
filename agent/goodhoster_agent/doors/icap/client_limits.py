"""What one client of a proxy may have under way at the ICAP door."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from goodhoster_agent.doors.rate_limit import client_key


@dataclass(frozen=True, slots=True)
class IcapPeer:
    """The program at the other end of a connection."""

    address: str
    account: str
    """Its address where nobody can tell the account."""


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


class AccountSlots:
    """The messages that one account may have under way; further ones wait for their turn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def acquire(self, account: str) -> None:
        """Take a slot, in the order of asking."""
        if self._under_way[account] < self._most:
            self._under_way[account] += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(account)
            raise

    def release(self, account: str) -> None:
        """Give a slot to whoever waits longest."""
        waiting = self._waiting.get(account, deque())
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._waiting.pop(account, None)
        self._under_way[account] -= 1
        if not self._under_way[account]:
            del self._under_way[account]


def client_of(stated: str, peer: str) -> str:
    """Whoever a proxy names as its client; the peer where it names none."""
    try:
        return client_key(stated)
    except ValueError:
        return peer
