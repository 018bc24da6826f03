"""Scan of directories that appeared, alternating between customers.

Whatever one customer has made, no other waits for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from goodhoster.errors import IndexUnavailableError
from goodhoster.linux.thread_crew import CrewSize, ThreadCrew
from goodhoster.model.uploads import Place
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.events import Gap, Listener
from goodhoster_agent.watching.scanner import ScanFigures, Scanner

_SECOND_LOOK_SECONDS = 2.0
"""A directory that came is looked through a second time after so many seconds, for what was made while the first look
and the new watches passed each other.
"""
_DIRECTORIES_AT_ONCE = 8
"""So many of one customer are looked through in turn; each holds some descriptors."""
_MOST_WAITING = 5_000
"""When more of one customer wait, all that it has is looked through instead."""
_TIMEOUT_SECONDS = 0.5
"""Seconds that a piece of one may take before another thread goes on with the others."""
_MOST_THREADS = 16

_Key = tuple[Tree, bytes]


@dataclass(slots=True)
class _Customer:
    """New directories of one customer."""

    now: dict[_Key, None] = field(default_factory=dict)
    again: dict[_Key, float] = field(default_factory=dict)
    """When each is to be looked through a second time, the soonest first."""
    active: deque[Iterator[ScanFigures]] = field(default_factory=deque)
    rests_until: float = 0.0
    in_hand: bool = False

    def add(self, key: _Key, now: float) -> None:
        """Plan a scan, unless one is to come yet: it finds whatever is there by then."""
        if key not in self.now:
            self.now[key] = None
        if key not in self.again:
            self.again[key] = now + _SECOND_LOOK_SECONDS

    def due(self, now: float) -> _Key | None:
        """The next directory, not planned any more."""
        if self.now:
            key = next(iter(self.now))
            del self.now[key]
            return key
        for key, due in self.again.items():
            if due > now:
                break
            del self.again[key]
            return key
        return None

    def wakes_at(self) -> float:
        """Time of the next work; never when nothing is left."""
        soonest = 0.0 if self.now or self.active else next(iter(self.again.values()), float("inf"))
        return max(soonest, self.rests_until)

    def is_done(self) -> bool:
        """Whether nothing is left, or planned."""
        return not (self.now or self.again or self.active or self.in_hand)


class NewDirectories:
    """Scanner of new directories; whatever it cannot do becomes a Gap.

    A customer has half of the time at most: after each piece it rests as long as that took. One that moves a deep
    directory about hundreds of times a second costs no more.
    """

    def __init__(self, scanner: Scanner, listener: Listener) -> None:
        self._scanner = scanner
        self._listener = listener
        self._customers: dict[str, _Customer] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._crew = ThreadCrew("newcomers", CrewSize(1, _MOST_THREADS, _TIMEOUT_SECONDS), self._work)

    def start(self) -> None:
        """Start."""
        self._crew.start()

    def stop(self) -> None:
        """Stop; what was planned is found by the scan at the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._crew.stop(_SECOND_LOOK_SECONDS)

    def look_through(self, tree: Tree, place: Place) -> None:
        """Plan a scan of this new directory."""
        key, everything = (tree, place.path), _all_of(tree, place)
        with self._changed:
            customer = self._customers.setdefault(tree.customer_of(place.path + b"/"), _Customer())
            if everything in customer.now:
                return
            if len(customer.now) >= _MOST_WAITING:
                customer.now.clear()
                customer.again.clear()
                key = everything
            customer.add(key, time.monotonic())
            self._changed.notify_all()

    def _work(self) -> bool:
        """Scan one piece for one customer; False at the end."""
        with self._changed:
            customer = self._wait_for_one()
            if customer is None:
                return False
            scan = self._next_scan(customer)
        begun = time.monotonic()
        with self._crew.at_work():
            goes_on = scan is not None and self._step(scan)
        with self._changed:
            customer.in_hand = False
            customer.rests_until = 2 * time.monotonic() - begun
            if scan is not None and goes_on:
                customer.active.append(scan)
            self._changed.notify_all()
        return True

    def _wait_for_one(self) -> _Customer | None:
        """Wait for the next customer and take it; the others come before it is taken again."""
        while not self._stopping:
            now = time.monotonic()
            for name, customer in list(self._customers.items()):
                if customer.is_done():
                    del self._customers[name]
                elif not customer.in_hand and customer.wakes_at() <= now:
                    self._customers[name] = self._customers.pop(name)
                    customer.in_hand = True
                    return customer
            waking = (customer.wakes_at() for customer in self._customers.values() if not customer.in_hand)
            wait = min(waking, default=float("inf")) - now
            self._changed.wait(wait if wait < threading.TIMEOUT_MAX else None)
        return None

    def _next_scan(self, customer: _Customer) -> Iterator[ScanFigures] | None:
        if len(customer.active) < _DIRECTORIES_AT_ONCE and (key := customer.due(time.monotonic())):
            tree, path = key
            return self._scanner.scan(tree, path, fresh=True)
        return customer.active.popleft() if customer.active else None

    def _step(self, scan: Iterator[ScanFigures]) -> bool:
        """Scan one piece; False at the end."""
        try:
            return next(scan, None) is not None
        except (OSError, IndexUnavailableError) as error:
            self._listener(Gap(f"a new directory could not be scanned: {error}"))
            return False


def _all_of(tree: Tree, place: Place) -> _Key:
    """Directory with everything of the place's customer."""
    return tree, b"" if tree.customer else place.path.partition(b"/")[0]
