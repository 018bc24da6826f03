"""Locks that allow one order about a file at a time, whichever mover has it.

A client that gave up waiting for one may send another order about the same file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_HIGHEST = (1 << 62) - 1
_FLOCK = struct.Struct("hhqqi4x")
"""`struct flock` (fcntl(2)): type, whence, start, length, process."""


class FileLocks:
    """Locks by file, shared by all movers.

    To be made before the movers are forked. The kernel takes back what a mover held when it dies (fcntl(2)).
    Threads of one mover wait for each other, too: each lock is of an open file description of its own.
    """

    def __init__(self) -> None:
        self._memory = os.memfd_create("goodhoster-file-locks")

    @contextmanager
    def held(self, ino: int) -> Iterator[None]:
        """A lock on an inode; waits while another mover holds it, under whatever name or case."""
        with self._description() as own:
            fcntl.fcntl(own, fcntl.F_OFD_SETLKW, _lock_of(ino))
            yield

    @contextmanager
    def free_among(self, inos: Iterable[int]) -> Iterator[frozenset[int]]:
        """Locks on those of the inodes that no other order has.

        It never waits, so none waits for the other.
        """
        with self._description() as own:
            yield frozenset(ino for ino in inos if _try_lock(own, ino))

    @contextmanager
    def _description(self) -> Iterator[int]:
        own = os.open(f"/proc/self/fd/{self._memory}", os.O_RDWR | os.O_CLOEXEC)
        try:
            yield own
        finally:
            os.close(own)


def _try_lock(own: int, ino: int) -> bool:
    try:
        fcntl.fcntl(own, fcntl.F_OFD_SETLK, _lock_of(ino))
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True


def _lock_of(ino: int) -> bytes:
    return _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, ino & _HIGHEST, 1, 0)
