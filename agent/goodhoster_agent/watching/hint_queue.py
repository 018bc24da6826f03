"""Hints that wait for the index, taken from each customer in turn.

However many one customer brings about, no other waits for them. Hints of the same name are one. A customer whose hints
come faster than they can be taken gets a gap of its own: what it changes until then is found by a comparison of the
directory that all of it lies in.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from goodhoster.linux.mount_table import lies_at_or_below
from goodhoster_agent.watching.events import Gap, Hint

_MOST_OF_ONE = 20_000
"""Hints of one customer that may wait: what a large archive unpacks to comes through as hints."""
_LEAST_OF_ONE = 100
_MOST = 200_000
"""Hints of all that may wait, but for the least of each; some 50 MiB."""
_COMPARE_AFTER = 5.0
"""Seconds from the first hint that was not kept to the comparison: a customer that goes on costs little meanwhile."""


@dataclass(slots=True)
class _CustomerQueue:
    """The hints of one customer that wait."""

    hints: dict[tuple[bytes, bytes], Hint] = field(default_factory=dict)
    dropped: bytes = b""
    """The directory that all hints lie in that were not kept; empty while there are none."""
    compare_at: float = float("inf")


class FairHintQueue:
    """Hints and gaps from any thread, for the one that takes them; `put` never blocks."""

    def __init__(self, owner_of: Callable[[Hint], Hashable], clock: Callable[[], float] = time.monotonic) -> None:
        """`owner_of` tells whose a hint is: None for what lies in no tree."""
        self._owner_of = owner_of
        self._clock = clock
        self._queues: dict[Hashable, _CustomerQueue] = {}
        self._gaps: dict[str, Gap] = {}
        self._count = 0
        self._ended = False
        self._changed = threading.Condition()

    def put(self, event: Hint | Gap) -> None:
        """Add a report. A hint that finds no room becomes a gap of its customer's."""
        with self._changed:
            if isinstance(event, Hint):
                self._put(event)
            elif event.below:
                owner = self._owner_of(Hint(event.below, b""))
                self._note_dropped(self._queues.setdefault(owner, _CustomerQueue()), event.below)
            else:
                self._gaps[event.reason] = event
            self._changed.notify_all()

    def end(self) -> None:
        """End: what waits may still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def missed(self) -> list[bytes]:
        """Directories in which hints are missed now, until they are compared."""
        with self._changed:
            return sorted(queue.dropped for queue in self._queues.values() if queue.dropped)

    def take(self, count: int) -> list[Hint | Gap] | None:
        """Up to so many reports, of each customer as many as of the others; None at the end."""
        with self._changed:
            while not (taken := self._take(count)):
                if self._ended:
                    return None
                soonest = min((queue.compare_at for queue in self._queues.values()), default=float("inf"))
                wait = soonest - self._clock()
                self._changed.wait(max(0.0, wait) if wait < threading.TIMEOUT_MAX else None)
            return taken

    def _put(self, hint: Hint) -> None:
        owner = self._owner_of(hint)
        if owner is None:
            return
        queue = self._queues.get(owner)
        if queue is None:
            queue = self._queues[owner] = _CustomerQueue()
        key = (hint.directory, hint.name)
        before = queue.hints.get(key)
        if before is not None:
            queue.hints[key] = _merged(before, hint)
        elif queue.dropped or len(queue.hints) >= self._limit():
            self._note_dropped(queue, hint.directory)
        else:
            queue.hints[key] = hint
            self._count += 1

    def _limit(self) -> int:
        """Hints of one customer that may wait now.

        No more than there is room left for those of others.
        """
        return max(_LEAST_OF_ONE, min(_MOST_OF_ONE, _MOST - self._count))

    def _note_dropped(self, queue: _CustomerQueue, directory: bytes) -> None:
        if not queue.dropped:
            queue.dropped, queue.compare_at = directory, self._clock() + _COMPARE_AFTER
        elif not lies_at_or_below(directory, queue.dropped):
            queue.dropped = os.path.commonpath([queue.dropped, directory])

    def _take(self, count: int) -> list[Hint | Gap]:
        taken: list[Hint | Gap] = list(self._gaps.values())
        self._gaps.clear()
        now, share = self._clock(), max(1, count // max(1, len(self._queues)))
        for owner in list(self._queues):
            queue = self._queues.pop(owner)
            if queue.compare_at <= now:
                taken.append(Gap("hints of one customer came faster than they could be taken", queue.dropped))
                queue.dropped, queue.compare_at = b"", float("inf")
            for key in list(itertools.islice(queue.hints, share)):
                taken.append(queue.hints.pop(key))
                self._count -= 1
            if queue.hints or queue.dropped:
                self._queues[owner] = queue  # behind those that were not looked at yet
            if len(taken) >= count:
                break
        return taken


def _merged(before: Hint, hint: Hint) -> Hint:
    """Both as one: the file settled as it was last seen, and it was a directory if it ever was."""
    return Hint(hint.directory, hint.name, before.is_directory or hint.is_directory, hint.settled)
