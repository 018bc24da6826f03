"""Compare trees with the index: at start, after a gap, when a directory came, and every T.

What is there and has no verdict in its present state is queued. This is what makes a lost event harmless (promise G1).
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from goodhoster.model.uploads import Place, display
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.places import Tree
from goodhoster_agent.watching.tree import Found, Unreadable, walk

_log = logging.getLogger(__name__)
_BATCH = 500


@dataclass(slots=True)
class ScanFigures:
    """What a scan saw."""

    files: int = 0
    queued: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Scanner:
    """Compares; one thread at a time."""

    index: UploadIndex
    settle: float
    """A file must be unchanged for so many seconds before it is checked, unless its closing was seen."""
    queued: Callable[[], None] = lambda: None
    """Called after each batch, so that workers look."""

    def scan(self, tree: Tree, start: bytes = b"", *, fresh: bool = False) -> Iterator[ScanFigures]:
        """Yields the figures so far after each batch: stop any time, what was queued stays queued.

        `fresh`: a directory that just came. Its files are urgent and are looked at at once; one that is still being
        written is told of again when it is closed.
        """
        figures = ScanFigures()
        theirs = (found for found in walk(tree.root, start) if not tree.is_ours(found.path))
        seen = (found for found in theirs if self._is_file(found, figures))
        while batch := list(itertools.islice(seen, _BATCH)):
            arrivals = [arrival for found in batch if (arrival := self._arrival(tree, found, fresh=fresh))]
            if arrivals:
                self.index.expect(arrivals)
                self.queued()
            figures.files += len(batch)
            figures.queued += len(arrivals)
            yield figures

    @staticmethod
    def _is_file(found: Found | Unreadable, figures: ScanFigures) -> bool:
        if isinstance(found, Found):
            return True
        figures.unreadable += 1
        _log.warning("not covered: directory %s cannot be read: %s", display(found.path), found.reason)
        return False

    def _arrival(self, tree: Tree, found: Found | Unreadable, *, fresh: bool) -> Arrival | None:
        if not isinstance(found, Found):
            return None
        place = Place(tree.root, found.path)
        if self.index.checked(place, found.state):
            return None
        now = time.time()
        quiet_since = max(found.state.mtime_ns, found.state.ctime_ns) / 1e9
        due = now if fresh else min(now + self.settle, max(now, quiet_since + self.settle))
        return Arrival(place, tree.customer_of(found.path), due, Priority.FRESH if fresh else Priority.SCAN)
