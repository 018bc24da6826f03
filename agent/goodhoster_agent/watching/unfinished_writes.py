"""Files that were written to and not closed since, by the kernel's events.

The kernel makes one event of all writes to a file that nobody has read yet; read once a second, they are few. A file is
due when nothing was written to it for a while, and at the latest after a minute of writing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from goodhoster_agent.watching import fanotify_kernel as kernel
from goodhoster_agent.watching.fanotify_kernel import Event

_QUIET = 2.0
_LONGEST_WRITE_SECONDS = 60.0
_MOST_FILES = 20_000
"""Files at the same time; of others the comparison of everything tells."""
_CLOSED_FOR = 2 * _QUIET
"""Seconds for which it is remembered that a file was closed: its writes are read later than that."""


class DueFile(NamedTuple):
    """A file that was written to."""

    event: Event
    closed_at: float
    """When it was last seen to be closed, by the system's clock; 0: not lately."""


_Key = tuple[bytes, bytes, bytes]


@dataclass(slots=True)
class _Writing:
    event: Event
    since: float
    last: float


class UnfinishedWrites:
    """Threads share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._writing: dict[_Key, _Writing] = {}
        self._closed: dict[_Key, tuple[float, float]] = {}
        """When each was closed: monotonic, and by the system's clock; the oldest first."""

    def written(self, events: Iterable[Event]) -> None:
        """Note files that the kernel says were written to since it was asked last."""
        now = self._clock()
        with self._lock:
            for event in events:
                key = _key(event)
                if not event.handle or not event.mask & kernel.MODIFY or event.mask & kernel.ONDIR:
                    continue
                if (writing := self._writing.get(key)) is not None:
                    writing.last = now
                elif len(self._writing) < _MOST_FILES:
                    self._writing[key] = _Writing(event, now, now)

    def closed(self, event: Event) -> None:
        """Note a file that was closed, or moved: that is told by itself."""
        with self._lock:
            self._closed.pop(_key(event), None)
            self._closed[_key(event)] = self._clock(), self._wall()
            if len(self._closed) > _MOST_FILES:
                del self._closed[next(iter(self._closed))]

    def due(self) -> list[DueFile]:
        """Files that are quiet, or written to for long; each is forgotten."""
        now = self._clock()
        with self._lock:
            due = [
                key
                for key, writing in self._writing.items()
                if now - writing.last >= _QUIET or now - writing.since >= _LONGEST_WRITE_SECONDS
            ]
            found = [DueFile(self._writing.pop(key).event, self._closed.get(key, (0.0, 0.0))[1]) for key in due]
            old = [key for key, (at, _) in islice(self._closed.items(), _MOST_FILES) if now - at > _CLOSED_FOR]
            for key in old:
                del self._closed[key]
        return found


def _key(event: Event) -> _Key:
    return event.fsid, event.handle, event.name
