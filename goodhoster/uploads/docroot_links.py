"""Directories that links below a docroot lead to (promise G12).

A web server follows them, so what lies there is served: it is not private, whatever it is called.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import Lock

from goodhoster.linux.mount_table import lies_at_or_below
from goodhoster.linux.real_paths import real_path

_MOST_DIRECTORIES_OF_ONE = 1000
"""Directories of one customer; with more links than that, all that it has counts as served."""


class DocrootLinks:
    """Directories of one tree that links lead to, as far as links were seen.

    Threads may share it.
    """

    def __init__(self) -> None:
        self._links: dict[bytes, bytes] = {}
        """The link that was seen last, by the directory it leads to."""
        self._of: dict[bytes, set[bytes]] = {}
        self._whole: set[bytes] = set()
        """What customers have of whom all counts as served."""
        self._lock = Lock()

    def add(self, link: bytes, directory: bytes, own: bytes) -> bytes | None:
        """Note that a link leads to a directory of a customer, which has `own`.

        All paths are absolute.
        Returns the directory that counts as served because of it and did not before; None where there is none.
        """
        with self._lock:
            directories = self._of.setdefault(own, set())
            if own in self._whole:
                return None
            if len(directories) >= _MOST_DIRECTORIES_OF_ONE and directory not in directories:
                for one in directories:
                    self._links.pop(one, None)
                directories.clear()
                directory = own
                self._whole.add(own)
            new = directory not in self._links
            self._links[directory] = link
            directories.add(directory)
            return directory if new else None

    def serves(self, absolute: bytes) -> bool:
        """Whether a link leads here, or to a directory above."""
        return any(self._still_leads(directory) for directory in _upwards(absolute) if directory in self._links)

    def reaches(self, absolute: bytes) -> bool:
        """Whether a link leads here, to a directory above, or to one below."""
        top = os.path.join(absolute, b"")
        below = [directory for directory in tuple(self._links) if directory.startswith(top)]
        return self.serves(absolute) or any(map(self._still_leads, below))

    def _still_leads(self, directory: bytes) -> bool:
        """Whether the link is still there; else its directory is private again."""
        link = self._links.get(directory)
        if link is None:
            return False
        if directory in self._whole:
            return True  # of too many links to look at each
        target = real_path(link)
        if target is None:
            return True  # it cannot be told now
        if os.path.islink(link) and (lies_at_or_below(directory, target) or os.path.dirname(target) == directory):
            return True
        with self._lock:
            self._links.pop(directory, None)
        return False


def _upwards(absolute: bytes) -> Iterator[bytes]:
    """A path, and every directory above it."""
    while absolute not in {b"/", b""}:
        yield absolute
        absolute = os.path.dirname(absolute)
