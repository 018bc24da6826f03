"""All lists of a directory, kept open and always current.

A long-running process uses an import without being notified.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.file_names import list_files
from goodhoster.hashlists.near.file_names import SegmentName, near_lists
from goodhoster.hashlists.near.without_numpy import building
from goodhoster.model.fingerprints import FingerprintKind

if TYPE_CHECKING:  # numpy may be missing
    from goodhoster.hashlists.near.near_list import NearList

_POLL_SECONDS = 1.0  # seconds
_TRIES = 5

_Seen = tuple[int, int, int]
_Near = tuple[tuple[str, FingerprintKind], list[SegmentName]]


class OpenedLists:
    """Keeps the lists of a directory open. Any number of threads may use it at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._open: dict[Path, tuple[_Seen, DigestList]] = {}
        self._lists: tuple[DigestList, ...] = ()
        self._near: tuple[NearList, ...] = ()
        self._near_seen: list[_Near] = []
        self._look_at = 0.0

    def lists(self) -> tuple[DigestList, ...]:
        """The lists as they were at most a second ago, by file name.

        A list that was replaced meanwhile stays usable while it is held. ConfigurationError while one is
        damaged: an answer without it would be a guess.
        """
        if time.monotonic() >= self._look_at:
            with self._lock:
                self._reload_if_changed()
        return self._lists

    def near_lists(self) -> tuple[NearList, ...]:
        """The near lists, in the same way."""
        self.lists()
        return self._near

    def _reload_if_changed(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return  # another thread just did
        found: dict[Path, tuple[_Seen, DigestList]] = {}
        for path, _, _ in list_files(self._directory):
            try:
                found[path] = self._newest(path)
            except FileNotFoundError:
                continue  # removed since the directory was read
        self._look_at_near()
        self._open = found
        self._lists = tuple(opened for _, opened in found.values())
        self._look_at = now + _POLL_SECONDS

    def _look_at_near(self) -> None:
        """Check for new segments by name: a segment is never written again."""
        for tries_left in reversed(range(_TRIES)):
            seen = [((source, kind), segments) for source, kind, segments in near_lists(self._directory)]
            if seen == self._near_seen:
                return
            try:
                self._near = tuple(building().open_near_list(*whose, segments) for whose, segments in seen)
            except FileNotFoundError:  # merged or removed since the directory was read
                if not tries_left:
                    raise
            else:
                self._near_seen = seen
                return

    def _newest(self, path: Path) -> tuple[_Seen, DigestList]:
        status = path.stat()
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._open.get(path)
        return known if known and known[0] == seen else (seen, DigestList.open(path))
