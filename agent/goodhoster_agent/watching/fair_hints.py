"""Hints that wait for the index, taken in turn by whose they are.

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
class _Waiting:
    """What waits of one customer."""

    hints: dict[tuple[bytes, bytes], Hint] = field(default_factory=dict)
    missed: bytes = b""
    """The directory that all hints lie in that were not kept; empty while there are none."""
    compare_at: float = float("inf")


class FairHints:
    """Hints and gaps from any thread, for the one that takes them; `put` never blocks."""

    def __init__(self, whose: Callable[[Hint], Hashable], clock: Callable[[], float] = time.monotonic) -> None:
        """Store whose a hint is: None for what lies in no tree."""
        self._whose = whose
        self._clock = clock
        self._waiting: dict[Hashable, _Waiting] = {}
        self._gaps: dict[str, Gap] = {}
        self._count = 0
        self._ended = False
        self._changed = threading.Condition()

    def put(self, told: Hint | Gap) -> None:
        """Add a report. A hint that finds no room becomes a gap of its customer's."""
        with self._changed:
            if isinstance(told, Hint):
                self._put(told)
            elif told.below:
                whose = self._whose(Hint(told.below, b""))
                self._note_missed(self._waiting.setdefault(whose, _Waiting()), told.below)
            else:
                self._gaps[told.reason] = told
            self._changed.notify_all()

    def end(self) -> None:
        """End: what waits may still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def missed(self) -> list[bytes]:
        """Directories in which hints are missed now, until they are compared."""
        with self._changed:
            return sorted(waiting.missed for waiting in self._waiting.values() if waiting.missed)

    def take(self, count: int) -> list[Hint | Gap] | None:
        """Up to so many reports, of each customer as many as of the others; None at the end."""
        with self._changed:
            while not (taken := self._take(count)):
                if self._ended:
                    return None
                soonest = min((waiting.compare_at for waiting in self._waiting.values()), default=float("inf"))
                wait = soonest - self._clock()
                self._changed.wait(max(0.0, wait) if wait < threading.TIMEOUT_MAX else None)
            return taken

    def _put(self, hint: Hint) -> None:
        whose = self._whose(hint)
        if whose is None:
            return
        waiting = self._waiting.get(whose)
        if waiting is None:
            waiting = self._waiting[whose] = _Waiting()
        key = (hint.directory, hint.name)
        before = waiting.hints.get(key)
        if before is not None:
            waiting.hints[key] = _merged(before, hint)
        elif waiting.missed or len(waiting.hints) >= self._room():
            self._note_missed(waiting, hint.directory)
        else:
            waiting.hints[key] = hint
            self._count += 1

    def _room(self) -> int:
        """Hints of one customer that may wait now.

        No more than there is room left for those of others.
        """
        return max(_LEAST_OF_ONE, min(_MOST_OF_ONE, _MOST - self._count))

    def _note_missed(self, waiting: _Waiting, directory: bytes) -> None:
        if not waiting.missed:
            waiting.missed, waiting.compare_at = directory, self._clock() + _COMPARE_AFTER
        elif not lies_at_or_below(directory, waiting.missed):
            waiting.missed = os.path.commonpath([waiting.missed, directory])

    def _take(self, count: int) -> list[Hint | Gap]:
        taken: list[Hint | Gap] = list(self._gaps.values())
        self._gaps.clear()
        now, share = self._clock(), max(1, count // max(1, len(self._waiting)))
        for whose in list(self._waiting):
            waiting = self._waiting.pop(whose)
            if waiting.compare_at <= now:
                taken.append(Gap("hints of one customer came faster than they could be taken", waiting.missed))
                waiting.missed, waiting.compare_at = b"", float("inf")
            for key in list(itertools.islice(waiting.hints, share)):
                taken.append(waiting.hints.pop(key))
                self._count -= 1
            if waiting.hints or waiting.missed:
                self._waiting[whose] = waiting  # behind those that were not looked at yet
            if len(taken) >= count:
                break
        return taken


def _merged(before: Hint, hint: Hint) -> Hint:
    """Both as one: the file settled as it was last seen, and it was a directory if it ever was."""
    return Hint(hint.directory, hint.name, before.is_directory or hint.is_directory, hint.settled)
