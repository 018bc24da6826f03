"""Progress of comparisons of trees with the index, and an estimate of their end."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.model.uploads import display
from goodhoster_agent.watching.scanner import ScanFigures


@dataclass(frozen=True, slots=True)
class ComparisonFigures:
    """Figures of a comparison that is under way."""

    tree: str
    first: bool
    """The tree was never compared as a whole before."""
    since: str
    """When it began or, after a restart, was resumed; ISO 8601."""
    files: int
    """Compared since then."""
    queued: int
    """Of these, found new or changed: each waits in the queue for its check."""
    files_per_s: float
    directories_done: int | None
    """Of the directories at the top of the tree; None where that is not known."""
    directories: int | None
    files_expected: int | None
    """About so many files will have been compared at the end, if the other directories are like those that are done."""
    remaining_s: int | None
    """Seconds to its end by that."""

    def as_object(self) -> dict[str, Any]:
        """The figures as JSON carries them."""
        return asdict(self)


@dataclass(slots=True)
class ComparisonProgress:
    """Progress of a comparison, which one thread notes and another reads."""

    tree: bytes
    first: bool
    reached: bytes | None = None
    """The directory that an earlier one had reached, which this one resumes."""
    tops: list[bytes] = field(default_factory=list)
    """Directories at the top of the tree, in the order in which they are compared."""
    files: int = 0
    queued: int = 0
    _done: int = 0
    _since: float = field(default_factory=time.time)
    _begun: float = field(default_factory=time.monotonic)

    def note(self, figures: ScanFigures) -> None:
        """Note how far it is; `figures` may go on changing."""
        self.files, self.queued = figures.files, figures.queued
        if self.tops:
            self._done = max(self._done, (self._position(figures.directory) - self._start()) % len(self.tops))

    def figures(self) -> ComparisonFigures:
        """The figures now."""
        seconds = max(0.001, time.monotonic() - self._begun)
        files, done, all_ = self.files, self._done, len(self.tops)
        return ComparisonFigures(
            tree=display(self.tree),
            first=self.first,
            since=datetime.fromtimestamp(self._since, UTC).isoformat(timespec="seconds"),
            files=files,
            queued=self.queued,
            files_per_s=round(files / seconds, 1),
            directories_done=done if all_ else None,
            directories=all_ or None,
            files_expected=files * all_ // done if done else None,
            remaining_s=round(seconds * (all_ - done) / done) if done else None,
        )

    def _start(self) -> int:
        return self._position(self.reached) if self.reached is not None else 0

    def _position(self, directory: bytes) -> int:
        """Number of the directories at the top that come before the one that holds this directory."""
        top = directory.partition(b"/")[0]
        return min(bisect_left(self.tops, top), len(self.tops) - 1) if top else 0


def directories_at_top(tree: bytes, calls: FileSystemCalls) -> list[bytes]:
    """The directories at the top of a tree, in the order of a comparison.

    Empty where it cannot be read.
    """
    try:
        with calls.asking(tree), os.scandir(tree) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:  # the comparison says so
        return []
