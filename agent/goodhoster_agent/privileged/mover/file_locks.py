"""One order about a file at a time, whichever mover has it: who gave up waiting for one may ask another about it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

_HIGHEST = (1 << 62) - 1


class FileLocks:
    """To be made before the movers are forked. The kernel takes back what a mover held when it dies (fcntl(2))."""

    def __init__(self) -> None:
        self._memory = os.memfd_create("goodhoster-file-locks")

    @contextmanager
    def held(self, ino: int) -> Iterator[None]:
        """Waits while another mover is at that inode, under whatever name or case."""
        byte = ino & _HIGHEST
        fcntl.lockf(self._memory, fcntl.LOCK_EX, 1, byte)
        try:
            yield
        finally:
            fcntl.lockf(self._memory, fcntl.LOCK_UN, 1, byte)
