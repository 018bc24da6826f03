"""A file lock: one holder at a time on one machine, over threads and processes.

The kernel drops the lock when its process ends.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_log = logging.getLogger(__name__)
_TOLD_AFTER = 5.0  # seconds of waiting
_LOCKS = Path("/proc/locks")


class FileLock:
    """A lock that `with lock:` waits for. Not to be taken twice by one thread.

    Who waits for long is told which process holds it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._threads = threading.Lock()
        self._fd = -1

    def __enter__(self) -> Self:
        self._threads.acquire()
        try:
            self._fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._wait()
        except OSError:
            self._threads.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
        self._threads.release()

    def _wait(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            telling = threading.Timer(_TOLD_AFTER, self._log_wait)
            telling.daemon = True
            telling.start()
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX)
            finally:
                telling.cancel()

    def _log_wait(self) -> None:
        _log.warning("waiting for %s, held by %s", self._file, holder_of(self._file) or "another process")


def holder_of(file: Path) -> str:
    """Process that holds this file's lock, with its command; empty where that is not known."""
    try:
        inode = file.stat().st_ino
        holds = re.compile(rf"^\d+: FLOCK +\w+ +WRITE (\d+) [0-9a-f:]+:{inode} ", re.MULTILINE)
        found = holds.search(_LOCKS.read_text(encoding="ascii"))
        if found is None:
            return ""
        words = Path(f"/proc/{found[1]}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    command = " ".join(word for word in words if word)
    return f"process {found[1]} ({_shown(command)})"


def _shown(command: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in command)[:200]
