"""All lists of a directory, always the newest: a long-running process sees an import without being told."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from goodhoster.checking.digestlist import DigestList
from goodhoster.checking.listnames import list_files

_LOOK_EVERY = 1.0  # seconds

_Seen = tuple[int, int, int]


class ListShelf:
    """Keeps the lists of a directory open. Any number of threads may ask at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._open: dict[Path, tuple[_Seen, DigestList]] = {}
        self._lists: tuple[DigestList, ...] = ()
        self._look_at = 0.0

    def lists(self) -> tuple[DigestList, ...]:
        """The lists as they were at most a second ago, by name of their file.

        A list that was replaced meanwhile stays usable for whoever holds it. ConfigurationError while one is
        damaged: an answer without it would be a guess.
        """
        if time.monotonic() >= self._look_at:
            with self._lock:
                self._look()
        return self._lists

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return  # another thread just did
        found: dict[Path, tuple[_Seen, DigestList]] = {}
        for path, _, _ in list_files(self._directory):
            try:
                found[path] = self._newest(path)
            except FileNotFoundError:
                continue  # removed since the directory was read
        self._open = found
        self._lists = tuple(opened for _, opened in found.values())
        self._look_at = now + _LOOK_EVERY

    def _newest(self, path: Path) -> tuple[_Seen, DigestList]:
        status = path.stat()
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._open.get(path)
        return known if known and known[0] == seen else (seen, DigestList.open(path))
