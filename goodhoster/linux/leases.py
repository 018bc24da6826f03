"""Breaking of write leases that keep customers' files from being opened.

Whoever owns a file may take a write lease on it (fcntl(2), F_SETLEASE). Opening it without waiting then fails, and a
program that takes the lease again whenever it must give it up makes every such try fail. An open that waits cannot be
cheated: the kernel counts it among the file's readers from its first moment, so no new write lease is given, and takes
the old one away after `fs.lease-break-time` seconds. The same holds for as long as the file then stays open. Nobody
else may wait for that: such opens have threads of their own, a few for each owner.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from goodhoster.linux import kernel

_MOST_FILES = 64
"""Files at the same time."""
_MOST_FILES_OF_ONE_OWNER = 4
"""Files of one owner at the same time, however many have leases."""
_MOST_FILES_OF_ONE_DISK = 48
"""A customer's own file system answers what it likes: it must not take all places."""
_MOST_PASSED_OVER = 10_000
_KEPT_OPEN = 400.0
"""Seconds that a file stays open, unless it is released: a notice or a measure that waits for it comes again sooner."""
_MARGIN = 10.0
_BREAK_TIME = Path("/proc/sys/fs/lease-break-time")


@dataclass(slots=True, eq=False)
class Leased:
    """A file whose lease is being broken, or was."""

    path: bytes
    owner: int
    disk: int
    since: float = field(default_factory=time.time)
    is_open: bool = False
    """The lease is gone, and cannot be taken again."""
    released: threading.Event = field(default_factory=threading.Event)


def ignore_lease(_path: bytes) -> None:
    """Do nothing about a lease: nobody waits for the file by itself."""


class LeaseBreaker:
    """The files of this process whose leases are being broken. Threads share it."""

    def __init__(self, kept_open: float = _KEPT_OPEN) -> None:
        self._kept_open = kept_open
        self._files: dict[bytes, Leased] = {}
        self._lock = threading.Lock()
        self._passed_over: dict[bytes, tuple[int, int]] = {}
        """Files for which there was no place, with owner and disk."""
        self.try_again: Callable[[bytes], None] = ignore_lease
        """Called with the path of a file that can be opened now, and for a while; or for which there is a place."""

    def begin_beneath(self, directory: int, path: bytes, absolute: bytes) -> None:
        """Have the lease on a file below an open directory broken, once there is a place for it.

        The file then stays open until it is released. Never waits, and raises nothing: call it again while the file
        cannot be opened.
        """
        with suppress(OSError):
            handle = kernel.open_beneath(directory, path, os.O_PATH | os.O_NOFOLLOW)
            if (leased := self._place_for(os.fstat(handle), absolute)) is None:
                os.close(handle)
                return
            try:
                threading.Thread(target=self._break, args=(handle, leased), name="lease", daemon=True).start()
            except RuntimeError:  # no more threads here
                os.close(handle)
                self._forget(leased)

    def release(self, path: bytes) -> None:
        """Close a file that was kept open for what is done now."""
        if self._files and (leased := self._files.get(path)) is not None and leased.is_open:
            leased.released.set()

    def waiting(self) -> list[Leased]:
        """Files whose leases are not broken yet, the longest first."""
        return [leased for leased in list(self._files.values()) if not leased.is_open]

    def _place_for(self, found: os.stat_result, path: bytes) -> Leased | None:
        """A place among those under way; None where there is none, or where it is among them."""
        with self._lock:
            if path in self._files or not stat.S_ISREG(found.st_mode):
                return None
            if not self._has_place(found.st_uid, found.st_dev):
                if len(self._passed_over) < _MOST_PASSED_OVER:
                    self._passed_over[path] = found.st_uid, found.st_dev
                return None
            self._passed_over.pop(path, None)
            leased = self._files[path] = Leased(path, found.st_uid, found.st_dev)
            return leased

    def _has_place(self, owner: int, disk: int) -> bool:
        files = self._files.values()
        of_owner = sum(leased.owner == owner for leased in files)
        of_disk = sum(leased.disk == disk for leased in files)
        return len(files) < _MOST_FILES and of_owner < _MOST_FILES_OF_ONE_OWNER and of_disk < _MOST_FILES_OF_ONE_DISK

    def _break(self, handle: int, leased: Leased) -> None:
        try:
            opened = _open(handle)
        except OSError:
            self._forget(leased)
            return
        try:
            leased.is_open = True
            self.try_again(leased.path)
            leased.released.wait(self._kept_open)
        finally:
            self._forget(leased)
            os.close(opened)

    def _forget(self, leased: Leased) -> None:
        with self._lock:
            del self._files[leased.path]
            places = self._passed_over.items()
            following = next((path for path, (owner, disk) in places if self._has_place(owner, disk)), None)
            if following is not None:
                del self._passed_over[following]
        if following is not None:
            self.try_again(following)


LEASES = LeaseBreaker()
"""Those of this process."""


def break_time() -> int:
    """Seconds after which the kernel takes a lease away; 0: never."""
    return int(_BREAK_TIME.read_text(encoding="ascii"))


def longest_wait() -> float:
    """Seconds that it takes at the most to break a lease, where the kernel does so."""
    return break_time() + _MARGIN


def _open(handle: int) -> int:
    """Open the file of an O_PATH descriptor, waiting for a lease on it; closes the descriptor.

    By its descriptor: at its name a FIFO may lie meanwhile, and opening that waits for ever.
    """
    try:
        return os.open(b"/proc/self/fd/%d" % handle, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(handle)
