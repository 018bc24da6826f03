"""A rate limit for strangers.

What one of them sends in a flood is accepted, too, only later.
"""

from __future__ import annotations

from collections.abc import Callable

_EVERY = 1.0  # seconds between two notices of one address
_MOST = 10_000  # addresses remembered; only those of the last second matter


class RateLimit:
    """A limit of one request a second for each network address."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._next: dict[str, float] = {}

    def admit(self, address: str) -> bool:
        """Whether that address may send now; if so, the time is recorded."""
        now = self._now()
        if now < self._next.get(address, now):
            return False
        if len(self._next) >= _MOST:
            self._next = {known: until for known, until in self._next.items() if until > now}
        self._next[address] = now + _EVERY
        return True
