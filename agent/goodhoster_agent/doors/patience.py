"""Makes strangers who send much wait their turn, and nobody else: what they send is taken, only later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_EVERY = 1.0  # seconds between two notices of one address
_LONGEST = 30.0  # seconds that one may be kept waiting
_MOST = 10_000  # addresses remembered


class Patience:
    """One turn a second for each network address."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._next: dict[str, float] = {}

    async def wait(self, address: str) -> int:
        """Wait for the turn of that address. Returns 0, or after how many seconds to come back when the queue before it
        is too long; then nothing was waited for.
        """
        now = self._now()
        if len(self._next) >= _MOST:
            self._next = {known: turn for known, turn in self._next.items() if turn > now}
        turn = max(now, self._next.get(address, now))
        if turn - now > _LONGEST:
            return int(turn - now) + 1
        self._next[address] = turn + _EVERY
        await asyncio.sleep(turn - now)
        return 0
