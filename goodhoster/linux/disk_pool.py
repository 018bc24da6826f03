"""A thread pool for calls that wait for disks, with a limit for each disk.

A few calls at a time for each disk, so that a disk which hangs does not delay the others.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

Result = TypeVar("Result")
_IDLE = 20.0
"""Seconds after which a thread without work ends."""
_POLL_SECONDS = 0.25
"""Seconds between looks whether a disk hangs."""


_Call = tuple[Future[Any], Callable[[], Any], float]


@dataclass(slots=True)
class _Disk:
    """The queue of one disk."""

    waiting: deque[_Call] = field(default_factory=deque)
    running: dict[int, float] = field(default_factory=dict)
    """By thread, the moment by which its call should have ended."""
    threads: int = 0
    idle: int = 0
    suspect: bool = False
    """The last call took too long: one at a time is tried then, so that others keep their movers."""

    def may_begin(self) -> bool:
        return bool(self.waiting) and not (self.suspect and self.running)

    def hangs(self) -> bool:
        return any(end < time.monotonic() for end in self.running.values())


class DiskPool:
    """Long-lived threads, `most` for each disk.

    They end with the process, whatever they wait for: what they do must survive that.
    """

    def __init__(self, most: int, timeout: float) -> None:
        """`timeout`: seconds that a call may take before its disk is taken to hang."""
        self._most = most
        self._timeout = timeout
        self._changed = threading.Condition()
        self._disks: dict[int, _Disk] = {}

    def submit(self, disk: int, do: Callable[[], Result], *, seconds: float = 0.0) -> Future[Result]:
        """Make a call as soon as that disk has a thread free.

        It may take `seconds` longer than others. Cancelled at once while the disk hangs.
        """
        future: Future[Result] = Future()
        with self._changed:
            found = self._disks.setdefault(disk, _Disk())
            if found.hangs():
                future.cancel()
                return future
            found.waiting.append((future, do, seconds))
            if found.idle >= len(found.waiting):
                self._changed.notify_all()
            elif found.threads < self._most:
                found.threads += 1
                name = f"disk-{disk}-{found.threads}"
                threading.Thread(target=self._work, args=(disk, found), name=name, daemon=True).start()
        return future

    def wait_unless_hung(self, calls: Iterable[tuple[int, Future[Any]]]) -> None:
        """Wait until each of these calls has ended or its disk hangs.

        Calls that had not started by then are cancelled.
        """
        pending = [(disk, future) for disk, future in calls if not future.done()]
        while pending:
            wait([future for _, future in pending], _POLL_SECONDS)
            hanging = {disk for disk in {disk for disk, _ in pending} if self._mark_hung(disk)}
            pending = [(disk, future) for disk, future in pending if disk not in hanging and not future.done()]

    def _mark_hung(self, disk: int) -> bool:
        """Whether the disk hangs; if so, nothing waits for it any more."""
        with self._changed:
            found = self._disks.get(disk)
            if found is None or not found.hangs():
                return False
            while found.waiting:
                found.waiting.popleft()[0].cancel()
            return True

    def _work(self, disk: int, found: _Disk) -> None:
        while (taken := self._next(disk, found)) is not None:
            future, do, _ = taken
            result, failure = None, None
            try:
                result = do()
            except BaseException as error:  # noqa: BLE001 - whoever asked for it gets it
                failure = error
            with self._changed:
                found.suspect = found.running.pop(threading.get_ident()) < time.monotonic()
                self._changed.notify_all()
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _next(self, disk: int, found: _Disk) -> _Call | None:
        """The next call; None when there was none for a while.

        After None this thread is not counted any more.
        """
        with self._changed:
            while True:
                found.idle += 1
                self._changed.wait_for(found.may_begin, _IDLE)
                found.idle -= 1
                if not found.may_begin():
                    self._leave(disk, found)
                    return None
                taken = found.waiting.popleft()
                if taken[0].set_running_or_notify_cancel():
                    found.running[threading.get_ident()] = time.monotonic() + self._timeout + taken[2]
                    return taken

    def _leave(self, disk: int, found: _Disk) -> None:
        found.threads -= 1
        if not found.threads:
            del self._disks[disk]
