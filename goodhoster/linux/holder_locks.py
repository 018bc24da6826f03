"""Numbers that a process holds until it gives them back or dies.

By these, others tell whether its claims are still valid.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import struct
import threading
from pathlib import Path

_FLOCK = struct.Struct("hhqqi4x")
"""`struct flock` (fcntl(2)): type, whence, start, length, process."""
_HIGHEST = 1 << 62


class HolderLocks:
    """Locks on single bytes of an empty file, by open file description.

    The kernel drops them with the process. Threads may share it. Another one over the same file, in this process or
    another, sees what this one holds.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._held: set[int] = set()
        self._fd = -1

    def __del__(self) -> None:
        if self._fd != -1:
            os.close(self._fd)

    def take(self) -> int:
        """A number that no other process has, held from now on."""
        while True:
            number = secrets.randbelow(_HIGHEST - 1) + 1
            try:
                self._set(fcntl.F_WRLCK, number)
            except BlockingIOError:
                continue
            self._held.add(number)
            return number

    def give_back(self, number: int) -> None:
        """Release the number."""
        self._held.discard(number)
        self._set(fcntl.F_UNLCK, number)

    def is_held(self, number: int) -> bool:
        """Whether a live process holds that number, this one included."""
        if number in self._held:
            return True
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, number, 1, 0)
        kind, *_ = _FLOCK.unpack(fcntl.fcntl(self._opened(), fcntl.F_OFD_GETLK, asked))
        return bool(kind != fcntl.F_UNLCK)

    def _set(self, kind: int, number: int) -> None:
        fcntl.fcntl(self._opened(), fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, number, 1, 0))

    def _opened(self) -> int:
        with self._lock:
            if self._fd == -1:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                self._fd = os.open(self._file, flags, 0o600)
            return self._fd
