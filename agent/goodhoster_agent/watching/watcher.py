"""Turns hints and gaps into rows of the queue, and decides when a tree is compared as a whole."""

from __future__ import annotations

import heapq
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from goodhoster.model.uploads import display
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.places import Tree
from goodhoster_agent.watching.events import EventSource, Gap, Hint
from goodhoster_agent.watching.scanner import Scanner

_log = logging.getLogger(__name__)
_BATCH = 500
_AGAIN = 2.0
"""A directory that came is looked through a second time after so many seconds, for what was made while the first look
and the new watches passed each other.
"""


@dataclass(order=True, frozen=True, slots=True)
class _Scan:
    due: float
    tree: Tree = field(compare=False)
    start: bytes = field(compare=False, default=b"")
    fresh: bool = field(compare=False, default=False)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Times in seconds."""

    every: float
    """The whole tree is compared with the index so often (T of promise G1)."""
    settle: float
    """A file whose closing was not seen must be unchanged for so long before it is checked."""


class Watcher:
    """Two threads: one empties the event source into the queue, one scans."""

    def __init__(self, trees: Sequence[Tree], index: UploadIndex, source: EventSource, rhythm: Rhythm) -> None:
        self._trees = tuple(trees)
        self._index = index
        self.source = source
        self._rhythm = rhythm
        self._told: queue.SimpleQueue[Hint | Gap | None] = queue.SimpleQueue()
        self._scans: list[_Scan] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._empty, name="hints"),
            threading.Thread(target=self._scan_when_due, name="scan"),
        ]
        self.queued: Callable[[], None] = lambda: None
        self.gaps = 0
        self.last_gap = ""
        self.scanning = False

    def start(self) -> None:
        """Begin watching, then scan everything once: the scan finds what came before, events tell what comes later."""
        self.source.start([tree.root for tree in self._trees], self._told.put)
        for thread in self._threads:
            thread.start()
        self._scan_all(time.time())

    def stop(self) -> None:
        """End both threads; what was told is in the queue."""
        self.source.stop()
        self._stopping.set()
        self._told.put(None)
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _empty(self) -> None:
        while True:
            batch = [self._told.get()]
            while len(batch) < _BATCH and not self._told.empty():
                batch.append(self._told.get())
            self._take([told for told in batch if told is not None])
            if None in batch:
                return

    def _take(self, batch: Sequence[Hint | Gap]) -> None:
        arrivals = [arrival for told in batch if isinstance(told, Hint) and (arrival := self._hear(told))]
        if arrivals:
            self._index.expect(arrivals)
            self.queued()
        for told in batch:
            if isinstance(told, Gap):
                self._note_gap(told)

    def _hear(self, hint: Hint) -> Arrival | None:
        absolute = os.path.join(hint.directory, hint.name)
        for tree in self._trees:
            place = tree.place_of(absolute)
            if place is not None and hint.is_directory:
                now = time.time()
                self._plan(_Scan(now, tree, place.path, fresh=True), _Scan(now + _AGAIN, tree, place.path, fresh=True))
                return None
            if place is not None:
                due = time.time() + (0.0 if hint.settled else self._rhythm.settle)
                return Arrival(place, tree.customer_of(place.path), due, Priority.FRESH)
        return None

    def _note_gap(self, gap: Gap) -> None:
        self.gaps += 1
        self.last_gap = gap.reason
        _log.warning("events were lost (%s): every tree is compared with the index now", gap.reason)
        self._scan_all(time.time())

    def _scan_all(self, due: float) -> None:
        self._plan(*(_Scan(due, tree) for tree in self._trees))

    def _plan(self, *scans: _Scan) -> None:
        with self._changed:
            for scan in scans:
                heapq.heappush(self._scans, scan)
            self._changed.notify_all()

    def _scan_when_due(self) -> None:
        while (scan := self._next_scan()) is not None:
            self._scan(scan)
            if not scan.start:
                self._plan(_Scan(time.time() + self._rhythm.every, scan.tree))

    def _next_scan(self) -> _Scan | None:
        """Waits for the next due scan; of whole-tree scans of one tree that are due together, one is enough."""
        with self._changed:
            while not self._stopping.is_set():
                wait = self._scans[0].due - time.time() if self._scans else None
                if wait is not None and wait <= 0:
                    return self._pop()
                self._changed.wait(wait)
        return None

    def _pop(self) -> _Scan:
        scan = heapq.heappop(self._scans)
        if not scan.start:
            self._scans = [s for s in self._scans if s.start or s.tree is not scan.tree]
            heapq.heapify(self._scans)
        return scan

    def _scan(self, scan: _Scan) -> None:
        self.scanning = not scan.start
        try:
            scanner = Scanner(self._index, self._rhythm.settle, self.queued)
            for _ in scanner.scan(scan.tree, scan.start, fresh=scan.fresh):
                if self._stopping.is_set():
                    return
            if not scan.start:
                _log.info("compared %s with the index", display(scan.tree.root))
        except OSError as error:
            _log.error("cannot scan %s: %s; tried again in a minute", display(scan.tree.root), error)
            self._plan(_Scan(time.time() + 60, scan.tree, scan.start))
        finally:
            self.scanning = False
