"""Looks through directories that came, each piece by piece in turn: a large one keeps no other waiting."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from goodhoster.errors import IndexUnavailableError
from goodhoster.model.uploads import Place
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.events import Gap, Listener
from goodhoster_agent.watching.scanner import ScanFigures, Scanner

_log = logging.getLogger(__name__)
_AGAIN = 2.0
"""A directory that came is looked through a second time after so many seconds, for what was made while the first look
and the new watches passed each other.
"""
_AT_ONCE = 32
"""So many are looked through in turn; each holds some descriptors."""
_MOST = 200_000
"""More than these do not wait: they become a Gap, for memory's sake."""


@dataclass(order=True, frozen=True, slots=True)
class _Look:
    due: float
    tree: Tree = field(compare=False)
    place: Place = field(compare=False)


class NewDirectories:
    """One thread. Whatever it cannot do becomes a Gap."""

    def __init__(self, scanner: Scanner, listener: Listener) -> None:
        self._scanner = scanner
        self._listener = listener
        self._planned: list[_Look] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="newcomers")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what was planned is found by the scan at the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def look_through(self, tree: Tree, place: Place) -> None:
        """This directory came."""
        now = time.monotonic()
        with self._changed:
            if len(self._planned) >= _MOST:
                self._listener(Gap("more directories came than can be remembered"))
                return
            for due in (now, now + _AGAIN):
                heapq.heappush(self._planned, _Look(due, tree, place))
            self._changed.notify_all()

    def _run(self) -> None:
        active: deque[Iterator[ScanFigures]] = deque()
        while not self._stopping:
            active.extend(self._due(_AT_ONCE - len(active), wait=not active))
            for _ in range(len(active)):
                scan = active.popleft()
                if self._step(scan):
                    active.append(scan)

    def _due(self, most: int, *, wait: bool) -> list[Iterator[ScanFigures]]:
        with self._changed:
            if wait and not self._stopping:
                self._changed.wait(max(0.0, self._planned[0].due - time.monotonic()) if self._planned else None)
            scans: list[Iterator[ScanFigures]] = []
            while len(scans) < most and self._planned and self._planned[0].due <= time.monotonic():
                look = heapq.heappop(self._planned)
                scans.append(self._scanner.scan(look.tree, look.place.path, fresh=True))
            return scans

    def _step(self, scan: Iterator[ScanFigures]) -> bool:
        """One piece; False at the end."""
        try:
            return next(scan, None) is not None
        except (OSError, IndexUnavailableError) as error:
            self._listener(Gap(f"a directory that came could not be looked through: {error}"))
            return False
