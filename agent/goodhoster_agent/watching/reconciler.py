"""Schedule for comparing whole trees with the index, without disturbing other work."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from goodhoster.errors import IndexUnavailableError
from goodhoster.linux import kernel
from goodhoster.linux.thread_crew import CrewSize, ThreadCrew
from goodhoster.model.uploads import display
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.comparison_progress import ComparisonFigures, ComparisonProgress, directories_at_top
from goodhoster_agent.watching.scanner import ScanFigures, Scanner

_log = logging.getLogger(__name__)
_AGAIN_AFTER_FAILURE = 30.0
_SHARE = 10
"""While events are missing a tree is compared again and again, and that takes a tenth of the time."""
_TIMEOUT_SECONDS = 6.0
"""Seconds that one step may take before another thread goes on without it: a little more than a file system has to
answer, so that it is left out by then.
"""
_MOST_THREADS = 32
_CLOCKS_APART = 60.0
"""Seconds that the clock of a file server may be behind ours."""
_SCANS_SHARE = 0.5
"""Of the queue. Above it a scan waits: the other half is for what comes."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Times in seconds."""

    every: float
    """The whole tree is compared with the index so often (T of promise G1)."""
    quiet: float
    """A file whose closing was not seen must be unchanged for so long before it is checked."""
    rate: float = 20_000.0
    """Files a second, at the most, when a whole tree is compared."""
    pause: float = 30.0
    """At least so long between two comparisons while events are missing."""


@dataclass(frozen=True, slots=True)
class ScanStart:
    """Start of a scan by both clocks."""

    wall: float
    monotonic: float

    def moment(self) -> float:
        """Moment by the system's clock, whatever that was set to meanwhile.

        The earlier of two answers.
        """
        return min(self.wall, time.time() - (time.monotonic() - self.monotonic))


class Reconciler:
    """Comparison in one thread, with the disk's idle time where that can be had."""

    def __init__(self, trees: Sequence[Tree], scanner: Scanner, rhythm: Rhythm) -> None:
        self._scanner = scanner
        self._rhythm = rhythm
        self._due = dict.fromkeys(trees, 0.0)
        self._whole_due = dict.fromkeys(trees, 0.0)
        self._looked_at: dict[Tree, ScanStart] = {}
        """When the last look at it that came to its end began."""
        self._compared_from = dict.fromkeys(trees, -math.inf)
        """When the last comparison of the whole tree that came to its end began."""
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._crew = ThreadCrew("reconcile", CrewSize(1, _MOST_THREADS, _TIMEOUT_SECONDS), self._work)
        self._crew.held_up = self._skip_silent_file_system
        self._under_way: dict[Tree, ComparisonProgress | None] = {}
        """What is being compared, with its progress where that is a whole tree."""
        self.events_are_missing: Callable[[], bool] = lambda: False
        """Then what comes is found by this alone, and it must not take the whole T."""

    @property
    def scanning(self) -> bool:
        """Whether a tree is being compared now."""
        return bool(self._under_way)

    def figures(self) -> list[ComparisonFigures]:
        """Figures of the comparisons of whole trees that are under way."""
        return [progress.figures() for progress in list(self._under_way.values()) if progress]

    def compared_since(self, moment: float) -> bool:
        """Whether every tree was compared as a whole since a (monotonic) moment."""
        return all(begun >= moment for begun in self._compared_from.values())

    def start(self) -> None:
        """Start, with every tree at once."""
        self._crew.start()

    def stop(self) -> None:
        """Stop; a scan under way is resumed at the next start."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        self._crew.stop(_TIMEOUT_SECONDS)

    def again(self) -> None:
        """Make every tree due now because events were missed.

        One that is being compared is compared once more.
        """
        with self._changed:
            self._due = dict.fromkeys(self._due, 0.0)
            self._whole_due = dict.fromkeys(self._due, 0.0)
            self._changed.notify_all()

    def _work(self) -> bool:
        """Compare the next tree that is due; False at the end."""
        kernel.set_idle_io_priority()
        if (tree := self._next()) is None:
            return False
        begun, looked_at = time.monotonic(), time.time()
        whole = begun >= self._whole_due[tree]
        done = self._reconcile(tree, whole=whole)
        with self._changed:
            if done:
                self._looked_at[tree] = ScanStart(looked_at, begun)
            if done and whole:
                self._compared_from[tree] = begun
            if self._due[tree] == math.inf:  # nobody said `again` meanwhile
                self._due[tree] = self._next_look(tree, begun, whole=whole) if done else _retry_time()
        return True

    def _skip_silent_file_system(self) -> None:
        """Continue without a file system that does not answer, in its tree and in the others."""
        with self._changed:
            for tree in self._under_way:
                self._due[tree] = self._whole_due[tree] = 0.0
            self._changed.notify_all()

    def _next(self) -> Tree | None:
        """Wait for a tree to be due.

        Its next time is never until it was compared, or until `again` is called.
        """
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
        """Time of the next search for changes while events are missing.

        What changed is looked for in between: it takes so much less time that it may be done so much more
        often.
        """
        now, missing = time.monotonic(), self.events_are_missing()
        pause = max(self._rhythm.pause, _SHARE * (now - begun))
        if whole:
            self._whole_due[tree] = now + (min(self._rhythm.every, pause) if missing else self._rhythm.every)
            pause = self._rhythm.pause
        return min(self._whole_due[tree], now + pause) if missing else self._whole_due[tree]

    def _reconcile(self, tree: Tree, *, whole: bool) -> bool:
        """Compare a tree; True when it is done or no longer wanted."""
        self._under_way[tree] = None
        try:
            return self._scan(tree, whole=whole)
        except (OSError, IndexUnavailableError) as error:
            _log.error("cannot compare %s with the index: %s; tried again soon", display(tree.root), error)
            return False
        finally:
            self._under_way.pop(tree, None)

    def _scan(self, tree: Tree, *, whole: bool) -> bool:
        """Scan a tree; False when another thread has taken it over."""
        begun = time.monotonic()
        progress = self._under_way[tree] = self._progress(tree) if whole else None
        steps, figures = self._steps(tree, whole=whole), ScanFigures()
        while (step := self._step(steps)) is not None:
            figures = step
            if progress:
                progress.note(figures)
            self._stopping.wait(max(0.0, begun + figures.files / self._rhythm.rate - time.monotonic()))
            while self._scanner.index.full(_SCANS_SHARE) and not self._stopping.wait(1.0):
                pass
            if self._stopping.is_set():
                return True
            if self._crew.is_one_too_many():
                return False
        seconds = time.monotonic() - begun
        if whole:
            _log.info("compared %s with the index: %d files in %.1f s", display(tree.root), figures.files, seconds)
            if figures.left_alone.places:
                first = display(figures.left_alone.places[0])
                _log.info("%s, such as %s; goodhoster scan lists them", figures.left_alone, first)
        return True

    def _progress(self, tree: Tree) -> ComparisonProgress:
        before = self._scanner.index.inventory.progress(tree.root)
        with self._crew.at_work():
            tops = directories_at_top(tree.root, self._scanner.calls)
        return ComparisonProgress(tree.root, before.completed_at is None, before.reached, tops)

    def _step(self, steps: Iterator[ScanFigures]) -> ScanFigures | None:
        with self._crew.at_work():
            return next(steps, None)

    def _steps(self, tree: Tree, *, whole: bool) -> Iterator[ScanFigures]:
        if whole:
            return self._scanner.reconcile(tree)
        return self._scanner.catch_up(tree, self._looked_at[tree].moment() - _CLOCKS_APART)


def _retry_time() -> float:
    return time.monotonic() + _AGAIN_AFTER_FAILURE
