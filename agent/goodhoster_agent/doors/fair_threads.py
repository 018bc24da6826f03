"""Threads that check contents, shared fairly among those who ask."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

from goodhoster.linux.thread_crew import CrewSize, ThreadCrew

_TIMES = 4
"""So many times as many threads at most, where disks hold some of them up."""
_WAIT_SECONDS = 2.0
_ENDING = 5.0  # seconds

Job = Callable[[], None]


class FairThreads:
    """Threads that do jobs, shared fairly among those who ask.

    Whoever asks for much, or asks about a disk that hangs, keeps nobody else waiting.
    """

    def __init__(self, threads: int) -> None:
        self._most_of_one = max(1, threads * _TIMES // 2)
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        self._busy: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._ending = False
        self._crew = ThreadCrew("door", CrewSize(threads, threads * _TIMES, _WAIT_SECONDS), self._work)

    def start(self) -> None:
        """Start the threads."""
        self._crew.start()

    def submit(self, of: str, job: Job) -> None:
        """Have a job done for somebody; it must not raise."""
        with self._changed:
            self._waiting.setdefault(of, deque()).append(job)
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """Jobs that nobody does yet."""
        with self._changed:
            return sum(map(len, self._waiting.values()))

    def stop(self) -> None:
        """End after the jobs in hand."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._crew.stop(_ENDING)

    def _work(self) -> bool:
        """Wait for one job and do it; false where there is no more."""
        with self._changed:
            while (chosen := self._next()) is None:
                if self._ending:
                    return False
                self._changed.wait()
        of, job = chosen
        try:
            with self._crew.at_work():
                job()
        finally:
            with self._changed:
                self._busy[of] -= 1
                if not self._busy[of]:
                    del self._busy[of]
                if of in self._waiting:
                    self._changed.notify()
        return True

    def _next(self) -> tuple[str, Job] | None:
        """The next job of whoever waited longest."""
        for of, jobs in self._waiting.items():
            if self._busy[of] < self._most_of_one:
                job = jobs.popleft()
                self._waiting.move_to_end(of)
                if not jobs:
                    del self._waiting[of]
                self._busy[of] += 1
                return of, job
        return None
