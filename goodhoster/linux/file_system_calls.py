"""Calls to file systems that may never answer, such as a dead NFS server.

Or a FUSE program that hangs, or a disk that is gone. Nothing can end such a call, so it is never waited for: a caller
registers its call here, and later callers are refused at once instead of being held up too, until the first one has its
answer. So a file system that hangs costs as many threads as had already started a call to it, and no more.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

from goodhoster.linux.mount_table import MountTable, mount_table

Answer = TypeVar("Answer")
_TIMEOUT_SECONDS = 5.0
"""Seconds after which a call counts as one that is not answered."""
_MOST_THREADS = 64
"""Of `ask`: more file systems than these may not hang at once, or the others are not asked that way."""


class NotAnsweringError(OSError):
    """The file system of that path does not answer a call, so no further one is made."""


class _Call:
    """A call that is under way while the block runs."""

    __slots__ = ("_calls", "at", "begun", "point")

    def __init__(self, calls: FileSystemCalls, point: bytes) -> None:
        self._calls = calls
        self.point = point

    def __enter__(self) -> None:
        self.begun = self._calls.clock()
        self.at = time.time()
        self._calls.under_way[id(self)] = self

    def __exit__(self, *_: object) -> None:
        del self._calls.under_way[id(self)]
        if self._calls.clock() - self.begun > self._calls.timeout:
            self._calls.answered(self.point)


class FileSystemCalls:
    """The calls under way in this process. Threads share it."""

    def __init__(self, timeout: float = _TIMEOUT_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeout = timeout
        self.clock = clock
        self.under_way: dict[int, _Call] = {}
        self._threads = threading.BoundedSemaphore(_MOST_THREADS)
        self.answered: Callable[[bytes], None] = lambda _: None
        """Called with the mount point of a file system that had not answered, and does now."""

    def asking(self, path: bytes) -> AbstractContextManager[None]:
        """A context manager around a call to the file system of that path.

        NotAnsweringError where the file system does not answer other calls.
        """
        return _Call(self, self._point_of(path))

    def each(self, path: bytes, found: Iterator[Answer]) -> Iterator[Answer]:
        """The items of an iterator, where each step is a call to the file system of that path."""
        point = self._point_of(path)
        while True:
            self._expect_answers(point)
            with _Call(self, point):
                try:
                    step = next(found)
                except StopIteration:
                    return
            yield step

    def ask(self, path: bytes, call: Callable[[], Answer], seconds: float) -> Answer:
        """Make a call, wait for it within a time limit, and return what it returns.

        It raises what the call raises, and NotAnsweringError when that takes longer, or others wait for it
        already. The call is made in a thread of its own, which ends when it is answered.
        """
        ended: list[Answer] = []
        failed: list[BaseException] = []
        done = threading.Event()

        def run() -> None:
            try:
                with self.asking(path):
                    ended.append(call())
            except BaseException as error:  # noqa: BLE001 - raised where the answer is waited for
                failed.append(error)
            finally:
                self._threads.release()
                done.set()

        self._point_of(path)  # a thread is for those alone that may be asked
        if not self._threads.acquire(blocking=False):
            raise NotAnsweringError("too many file systems do not answer")
        threading.Thread(target=run, name="file-system-call", daemon=True).start()
        if not done.wait(seconds):
            raise NotAnsweringError(f"{os.fsdecode(path)!r} does not answer")
        if failed:
            raise failed[0]
        return ended[0]

    def answers(self, path: bytes) -> bool:
        """Whether the file system of that path may be asked."""
        try:
            self._point_of(path)
        except NotAnsweringError:
            return False
        return True

    def silent(self) -> dict[bytes, float]:
        """The mount points of file systems that do not answer.

        Each with since when (seconds since the epoch).
        """
        since: dict[bytes, float] = {}
        for call in self._late_calls():
            since.setdefault(call.point, call.at)
        return since

    def _point_of(self, path: bytes) -> bytes:
        point = _mounted_at(mount_table(), path)
        self._expect_answers(point)
        return point

    def _expect_answers(self, point: bytes) -> None:
        if self.under_way and any(call.point == point for call in self._late_calls()):
            raise NotAnsweringError(f"{os.fsdecode(point)!r} does not answer")

    def _late_calls(self) -> list[_Call]:
        """The late calls, the longest first."""
        latest = self.clock() - self.timeout
        return [call for call in list(self.under_way.values()) if call.begun < latest]


def _mounted_at(table: MountTable, path: bytes) -> bytes:
    mount = table.carrying(path)
    return mount.point if mount else b"/"
