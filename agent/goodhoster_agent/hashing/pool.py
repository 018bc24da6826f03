"""The hasher of outsiders' files: digests here, decoding in a pool of sandboxed processes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial

from goodhoster.checking.digests import read_content
from goodhoster.checking.hasher import read_at_once, worth_opening
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import POSTPONED, Content, Fault, FileState
from goodhoster_agent.hashing.worker_handle import PlaceLostError, Start, Worker, WorkerLostError, start_here

_log = logging.getLogger(__name__)
_TRIES = 2
_MOST_POSTPONED = 10_000
"""Remembered, some 5 MB; the oldest are forgotten first."""
_State = tuple[int, FileState]
"""With the number of the device, which tells two disks apart that are mounted now."""
_LIFE = 1000
"""Files after which a worker is replaced, whatever its decoders have kept of them."""


_LARGE = 128 << 20
"""Bytes of a file whose digests alone take long."""


class HashingPool:
    """See `ports.Hasher`. Processes start when they are first needed, or at `warm`.

    The digests are taken here, by code that parses nothing, and never by a process that opens files: one of these may
    have been captured by a file that it opened before. A file that makes its worker hang or die costs that worker
    alone: it is tried once more with another, and then has its digests and a fault.

    What takes long gives its place to others and goes on beside them, as many at a time as there are places; beyond
    that it has its digests and the fault `opening-postponed`. So slow files never keep ordinary ones waiting.
    """

    def __init__(self, limits: ReadingLimits, processes: int, start: Start = start_here) -> None:
        self._limits = limits
        self._processes = processes
        self._start = start
        self._places = threading.BoundedSemaphore(processes)
        self._slow_places = threading.BoundedSemaphore(processes)
        self._postponed: dict[_State, Content] = {}
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._closed = threading.Event()
        self.slow: Callable[[], None] = lambda: None
        """Called by a thread whose file takes long to open."""
        self.lost = 0
        """Workers that hung or died since the start."""
        self.missing: frozenset[str] = frozenset()
        """What the sandbox lacks on this machine, in words; known once a worker has started."""

    def warm(self) -> None:
        """Start all processes now, at the same time; returns when they are ready."""
        with ThreadPoolExecutor(self._processes, "hasher") as starting:
            for worker in starting.map(lambda _: self._take_worker(), range(self._processes)):
                self._put_back(worker)

    def read(self, fd: int) -> Content:
        """See `ports.Hasher`."""
        if not worth_opening(fd):
            return self._digested(fd)
        state = _state_of(fd)
        postponed = self._postponed.get(state)
        if postponed is not None and not self._slow_places.acquire(blocking=False):
            return postponed
        try:
            content = self._digested(fd)  # without a place: a large file takes as long as its disk
        except BaseException:
            if postponed is not None:
                self._slow_places.release()
            raise
        if postponed is None:
            place = _Place(self._places, self._slow_places)
        else:
            self.slow()
            place = _Place(self._slow_places)
        with closing(place):
            content = self._opened(content, partial(self._read_by_pooled_worker, fd, place=place))
        self._remember(state, content)
        return content

    def read_at_once(self, content: bytes) -> Content | None:
        """See `ports.Hasher`."""
        return read_at_once(content, self._limits)

    def read_alone(self, fd: int, doubted: Content) -> Content:
        """See `ports.Hasher`. It takes long, and its customer's other files wait as for a slow one.

        Whoever told what is not so ends: all workers do, for it is not known which of them it was.
        """
        self.slow()
        state, content = _state_of(fd), self._digested(fd)
        with closing(_Place(self._places, self._slow_places)) as place:
            content = self._opened(content, partial(self._read_by_new_worker, fd, place=place))
        self._remember(state, content)
        if content.opened_alone and content.members != doubted.members:
            self._note("its report about a file is not valid")
            self._replace_all()
        return content

    def problems(self) -> list[str]:
        """See `ports.Hasher`; known once a worker has started."""
        return [
            f"pictures are opened with less protection: this machine has no {what}" for what in sorted(self.missing)
        ]

    def close(self) -> None:
        """See `ports.Hasher`.

        What is being opened has its digests and the fault `opening-postponed`.
        """
        with self._lock:
            self._closed.set()
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for worker in idle:
            worker.stop()
        for worker in busy:
            worker.abandon()

    def _remember(self, state: _State, content: Content) -> None:
        """Remember a content whose opening was postponed.

        When it comes again it goes among the slow ones at once, or costs nothing.
        """
        with self._lock:
            self._postponed.pop(state, None)
            if content.fault and content.fault.reason == POSTPONED:
                self._postponed[state] = content
            if len(self._postponed) > _MOST_POSTPONED:
                del self._postponed[next(iter(self._postponed))]

    def _digested(self, fd: int) -> Content:
        """The content with its digests; a large file counts as slow.

        Other files of its customer wait for it, and nobody else's.
        """
        if os.fstat(fd).st_size > _LARGE:
            self.slow()
        return read_content(fd, self._limits.file_bytes)

    def _opened(self, content: Content, opened_by: Callable[[Content], Content]) -> Content:
        """The content of a file that is opened by a worker, or why it was not."""
        fault: Fault | None = None
        for _ in range(_TRIES):
            if self._closed.is_set():
                fault = _ENDING
                break
            try:
                return opened_by(content)
            except WorkerLostError as lost:
                fault = _ENDING if self._closed.is_set() else Fault(lost.reason, str(lost))
                if fault.reason == POSTPONED:
                    break
                self._note(str(lost))
        return replace(content, fault=fault)

    def _read_by_pooled_worker(self, fd: int, content: Content, *, place: _Place) -> Content:
        worker = self._take_worker()
        content = self._read_by(worker, fd, content, place)
        self._put_back(worker)
        return content

    def _read_by_new_worker(self, fd: int, content: Content, *, place: _Place) -> Content:
        worker = Worker(self._limits, self._start)
        try:
            return replace(self._read_by(worker, fd, content, place), opened_alone=True)
        finally:
            worker.stop()

    def _read_by(self, worker: Worker, fd: int, content: Content, place: _Place) -> Content:
        with self._lock:
            self._busy.add(worker)
            closed = self._closed.is_set()
        if closed:  # while it started; `close` did not see it
            worker.abandon()
        try:
            return worker.open(fd, content, lambda: self._takes_long(place))
        finally:
            with self._lock:
                self._busy.discard(worker)

    def _replace_all(self) -> None:
        """Those that are at work end after it."""
        with self._lock:
            idle, self._idle = self._idle, []
            for worker in self._busy:
                worker.files = _LIFE
        for worker in idle:
            worker.stop()

    def _takes_long(self, place: _Place) -> None:
        self.slow()
        place.move()

    def _take_worker(self) -> Worker:
        """Take a worker that is alive.

        When the starter dies all idle ones do, and that must not cost a file its tries.
        """
        while (idle := self._idle_one()) is not None:
            if idle.is_there():
                return idle
            self._note("it ended while it had nothing to do")
            idle.stop()
        worker = Worker(self._limits, self._start)
        self._report_missing_protection(worker)
        return worker

    def _idle_one(self) -> Worker | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _put_back(self, worker: Worker) -> None:
        with self._lock:
            if not self._closed.is_set() and worker.files < _LIFE and len(self._idle) < self._processes:
                self._idle.append(worker)
                return
        worker.stop()

    def _note(self, why: str) -> None:
        with self._lock:
            self.lost += 1
        _log.warning("a process that opens pictures was lost: %s", why)

    def _report_missing_protection(self, worker: Worker) -> None:
        new = frozenset(worker.missing) - self.missing
        if new:
            self.missing |= new
            _log.warning("pictures are opened with less protection: this machine has no %s", ", no ".join(sorted(new)))


def _state_of(fd: int) -> _State:
    found = os.fstat(fd)
    return found.st_dev, FileState.of(found)


_ENDING = Fault(POSTPONED, "the program is ending")


class _Place:
    """A file's place among those that are being opened.

    Among the ordinary ones a file waits for its place, and may move; among the slow ones it alone has it.
    """

    def __init__(self, held: threading.Semaphore, slow: threading.Semaphore | None = None) -> None:
        self._held, self._slow = held, slow or held
        if slow is not None:
            held.acquire()

    def move(self) -> None:
        """Move to the slow files; PlaceLostError when their places are all taken."""
        if self._held is self._slow:
            return
        if not self._slow.acquire(blocking=False):
            raise PlaceLostError
        self._held.release()
        self._held = self._slow

    def close(self) -> None:
        """Release the place for the next file."""
        self._held.release()
