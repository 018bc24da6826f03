"""Threads of which some are always free.

A thread that is held up by its work is replaced until it comes back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_POLL_SECONDS = 0.1
_LAST = 3.0
"""Seconds that are waited for those who are held up."""


@dataclass(frozen=True, slots=True)
class CrewSize:
    """The number of threads."""

    free: int
    """Threads that are not held up, at least."""
    most: int
    """There are never more than these, held up or not."""
    timeout: float
    """Seconds at one piece of work after which a thread counts as held up."""


class ThreadCrew:
    """Threads each of which does `work` again and again, until that is false.

    A thread that is `at_work` for too long does not count: another one takes its place, and when it comes back one of
    them ends.
    """

    def __init__(self, name: str, size: CrewSize, work: Callable[[], bool]) -> None:
        self._name = name
        self._size = size
        self._work = work
        self._threads: set[threading.Thread] = set()
        self._began: dict[threading.Thread, float] = {}
        self._held_up: set[threading.Thread] = set()
        self._changed = threading.Condition()
        self._stopping = False
        self._started = 0
        self.died = False
        """Did work end a thread by raising something?"""
        self.held_up: Callable[[], None] = lambda: None
        """Called when a thread is replaced, before the new one begins."""

    def start(self) -> None:
        """Start the threads."""
        with self._changed:
            for _ in range(self._size.free):
                self._start_one()
        threading.Thread(target=self._watch, name=f"{self._name}-watch", daemon=True).start()

    def finish(self, seconds: float) -> None:
        """Wait until `work` ends by itself, for so long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._threads - self._held_up, seconds)
        self.stop(0.0)

    def stop(self, seconds: float) -> None:
        """End after the current work.

        What takes longer than that is left, and ends with the process.
        """
        until = time.monotonic() + seconds
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._threads - self._held_up, seconds)
            self._changed.wait_for(lambda: not self._threads, min(_LAST, max(0.0, until - time.monotonic())))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """A context manager that a thread of the crew enters for what may hold it up."""
        me = threading.current_thread()
        with self._changed:
            self._began[me] = time.monotonic()
            if len(self._began) == 1:
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._began.pop(me, None)

    def _start_one(self) -> None:
        thread = threading.Thread(target=self._run, name=f"{self._name}-{self._started}", daemon=True)
        self._started += 1
        self._threads.add(thread)
        thread.start()

    def _run(self) -> None:
        me = threading.current_thread()
        try:
            while self._continues():
                if not self._work():
                    self._stopping = True
        except BaseException:
            self.died = True
            raise
        finally:
            with self._changed:
                self._threads.discard(me)
                self._held_up.discard(me)
                self._changed.notify_all()

    def is_one_too_many(self) -> bool:
        """Whether the calling thread was replaced while it was held up, and may leave its work."""
        with self._changed:
            self._held_up.discard(threading.current_thread())
            return len(self._threads - self._held_up) > self._size.free

    def _continues(self) -> bool:
        return not self.is_one_too_many() and not self._stopping

    def _watch(self) -> None:
        while not self._stopping:
            with self._changed:
                self._changed.wait_for(lambda: self._began or self._stopping)
                held_up_before = time.monotonic() - self._size.timeout
                self._held_up |= {thread for thread, began in self._began.items() if began < held_up_before}
                missing = min(
                    self._size.free - len(self._threads - self._held_up), self._size.most - len(self._threads)
                )
            for _ in range(missing):
                self.held_up()
                with self._changed:
                    if not self._stopping:
                        self._start_one()
            time.sleep(_POLL_SECONDS)
