"""Decides when a tree is compared with the index as a whole, and keeps that from being in anybody's way."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from goodhoster.errors import IndexUnavailableError
from goodhoster.linux import kernel
from goodhoster.model.uploads import display
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.scanner import ScanFigures, Scanner

_log = logging.getLogger(__name__)
_AGAIN_AFTER_FAILURE = 30.0
_SHARE = 10
"""While events are missing a tree is compared again and again, and that takes a tenth of the time."""
_CLOCKS_APART = 60.0
"""Seconds that the clock of a file server may be behind ours."""
_SCANS_SHARE = 0.5
"""Of the queue. Above it a scan waits: the other half is for what comes."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Times in seconds."""

    every: float
    """The whole tree is compared with the index so often (T of promise G1)."""
    settle: float
    """A file whose closing was not seen must be unchanged for so long before it is checked."""
    rate: float = 20_000.0
    """Files a second, at the most, when a whole tree is compared."""
    pause: float = 30.0
    """At least so long between two comparisons while events are missing."""


class Reconciler:
    """One thread, with the disk's idle time where that can be had."""

    def __init__(self, trees: Sequence[Tree], scanner: Scanner, rhythm: Rhythm) -> None:
        self._scanner = scanner
        self._rhythm = rhythm
        self._due = dict.fromkeys(trees, 0.0)
        self._whole_due = dict.fromkeys(trees, 0.0)
        self._looked_at: dict[Tree, float] = {}
        """When the last look at it that came to its end began, by the clock."""
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconcile")
        self.events_are_missing: Callable[[], bool] = lambda: False
        """Then what comes is found by this alone, and it must not take the whole T."""
        self.scanning: Tree | None = None
        """The tree that is compared now; for `status`."""

    def start(self) -> None:
        """Begin, with every tree at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; a scan under way is taken up at the next start."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def again(self) -> None:
        """Something was missed: every tree is due now. One that is being compared is compared once more."""
        with self._changed:
            self._due = dict.fromkeys(self._due, 0.0)
            self._whole_due = dict.fromkeys(self._due, 0.0)
            self._changed.notify_all()

    def _run(self) -> None:
        kernel.yield_disk()
        while (tree := self._next()) is not None:
            begun, looked_at = time.monotonic(), time.time()
            whole = begun >= self._whole_due[tree]
            done = self._reconcile(tree, whole=whole)
            with self._changed:
                if done:
                    self._looked_at[tree] = looked_at
                if self._due[tree] == math.inf:  # nobody said `again` meanwhile
                    self._due[tree] = self._next_look(tree, begun, whole=whole) if done else _soon()

    def _next(self) -> Tree | None:
        """Waits for a tree to be due. Its next time is never until it was compared, or until somebody says `again`."""
        with self._changed:
            while not self._stopping.is_set():
                tree = min(self._due, key=self._due.__getitem__, default=None)
                wait = self._due[tree] - time.monotonic() if tree else threading.TIMEOUT_MAX
                if tree and wait <= 0:
                    self._due[tree] = float("inf")
                    return tree
                self._changed.wait(min(wait, threading.TIMEOUT_MAX))
        return None

    def _next_look(self, tree: Tree, begun: float, *, whole: bool) -> float:
        """While events are missing, what changed is looked for in between: it takes so much less time that it may be
        done so much more often.
        """
        now, missing = time.monotonic(), self.events_are_missing()
        pause = max(self._rhythm.pause, _SHARE * (now - begun))
        if whole:
            self._whole_due[tree] = now + (min(self._rhythm.every, pause) if missing else self._rhythm.every)
            pause = self._rhythm.pause
        return min(self._whole_due[tree], now + pause) if missing else self._whole_due[tree]

    def _reconcile(self, tree: Tree, *, whole: bool) -> bool:
        """True when it is done or nobody wants it any more."""
        self.scanning = tree
        try:
            self._scan(tree, whole=whole)
        except (OSError, IndexUnavailableError) as error:
            _log.error("cannot compare %s with the index: %s; tried again soon", display(tree.root), error)
            return False
        finally:
            self.scanning = None
        return True

    def _scan(self, tree: Tree, *, whole: bool) -> None:
        begun = time.monotonic()
        for figures in self._steps(tree, whole=whole):
            self._stopping.wait(max(0.0, begun + figures.files / self._rhythm.rate - time.monotonic()))
            while self._scanner.index.full(_SCANS_SHARE) and not self._stopping.wait(1.0):
                pass
            if self._stopping.is_set():
                return
        seconds = time.monotonic() - begun
        if whole:
            _log.info("compared %s with the index: %d files in %.1f s", display(tree.root), figures.files, seconds)
            if figures.left_alone.places:
                first = display(figures.left_alone.places[0])
                _log.info("%s, such as %s; goodhoster scan lists them", figures.left_alone, first)

    def _steps(self, tree: Tree, *, whole: bool) -> Iterator[ScanFigures]:
        if whole:
            return self._scanner.reconcile(tree)
        return self._scanner.catch_up(tree, self._looked_at[tree] - _CLOCKS_APART)


def _soon() -> float:
    return time.monotonic() + _AGAIN_AFTER_FAILURE
