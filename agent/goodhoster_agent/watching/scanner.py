"""Compare trees with the index: at start, after a gap, when a directory came, and every T.

What is there and has no verdict in its present state is queued; what the index knows and is gone is dropped. This is
what makes a lost event harmless (promise G1).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from goodhoster.linux.file_system_calls import FileSystemCalls, NotAnsweringError
from goodhoster.linux.mount_table import mount_table
from goodhoster.model.uploads import FileState, Place, display
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.inventory import Known, Progress
from goodhoster.uploads.opening import open_tree
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.mounts import points_without_files
from goodhoster_agent.watching.tree_walk import Leg, Listing, Skip, is_directory, vanished, walk

_log = logging.getLogger(__name__)
_BATCH = 500


_NAMED = 1000
"""Places that are left alone and named; of further ones only the number is kept."""


@dataclass(slots=True)
class LeftAlone:
    """Count of what is no upload because it is private communication."""

    directories: int = 0
    files: int = 0
    """In directories that are not left alone as a whole."""
    places: list[bytes] = field(default_factory=list)
    """Absolute; the first of them."""

    def note(self, absolute: bytes) -> None:
        """Count one more place by its name."""
        if len(self.places) < _NAMED:
            self.places.append(absolute)

    def __str__(self) -> str:
        """Text for people with the number of places."""
        return f"{self.directories:,} directories and {self.files:,} files are left alone as private communication"


@dataclass(slots=True)
class ScanFigures:
    """Figures of a scan."""

    files: int = 0
    queued: int = 0
    unreadable: int = 0
    left_alone: LeftAlone = field(default_factory=LeftAlone)
    directory: bytes = b""
    """The one that was compared last."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """Comparison of trees with the index; threads may share it."""

    index: UploadIndex
    quiet: float
    """A file must be unchanged for so many seconds before it is checked, unless its closing was seen."""
    queued: Callable[[], None] = lambda: None
    """Called after each batch, so that workers look."""
    calls: FileSystemCalls = field(default_factory=FileSystemCalls)
    """Of this process to file systems."""
    link_found: Callable[[Tree, bytes], None] = lambda _tree, _link: None
    """Called for each symbolic link, with its absolute path."""

    def scan(self, tree: Tree, start: bytes = b"", *, fresh: bool = False) -> Iterator[ScanFigures]:
        """Scan and yield the figures so far after each batch.

        It can be stopped any time: what was queued stays queued.

        For a directory that just came, set `fresh`. Its files are urgent and are looked at at once; one that is
        still being written is reported again when it is closed.
        """
        return self._compare(tree, [Leg(start)], Priority.FRESH if fresh else Priority.RECONCILE)

    def reconcile(self, tree: Tree) -> Iterator[ScanFigures]:
        """Scan the whole tree, resuming a scan that was stopped; see `scan`.

        It resumes where it was and goes round from there, so that even a daemon that is restarted every hour
        gets to every directory.
        """
        inventory = self.index.inventory
        before = inventory.progress(tree.root)
        legs = [Leg(after=before.reached), Leg(until=before.reached)] if before.reached is not None else [Leg()]
        priority = Priority.BACKFILL if before.completed_at is None else Priority.RECONCILE
        for figures in self._compare(tree, legs, priority):
            inventory.note_progress(tree.root, Progress(figures.directory, before.completed_at))
            yield figures
        self._drop_vanished_directories(tree)
        inventory.note_progress(tree.root, Progress(None, time.time()))

    def catch_up(self, tree: Tree, since: float) -> Iterator[ScanFigures]:
        """Scan only directories in which a name came, went or changed since a moment.

        Otherwise as `reconcile`; a hundredth of the work. What was rewritten in its place, or lies deep in a
        directory that was moved, only the whole scan finds.
        """
        return self._compare(tree, [Leg(since=since)], Priority.RECONCILE)

    def _compare(self, tree: Tree, legs: Iterable[Leg], priority: Priority) -> Iterator[ScanFigures]:
        batch = _Batch(self, priority)
        skip = _skip(tree, batch.figures.left_alone)
        for leg in legs:
            for listing in walk(tree.root, leg, skip, self.calls):
                if isinstance(listing, Listing):
                    batch.add(tree, listing)
                else:
                    batch.figures.unreadable += 1
                    _log.warning("not covered: %s cannot be read: %s", display(listing.directory), listing.reason)
                if batch.is_full:
                    yield batch.put()
        yield batch.put()

    def _drop_vanished_directories(self, tree: Tree) -> None:
        root = open_tree(tree.root)
        try:
            for page in self.index.inventory.directories(tree.root):
                for directory in page:
                    self._drop_if_vanished(tree, root, directory)
        finally:
            os.close(root)

    def _drop_if_vanished(self, tree: Tree, root: int, directory: bytes) -> None:
        """Drop what vanished, except on a file system that does not answer."""
        if tree.leaves_alone(directory):
            self.index.inventory.drop_directory(tree.root, directory)
            return
        try:
            with self.calls.asking(os.path.join(tree.root, directory)):
                gone = not is_directory(root, directory)
        except NotAnsweringError:
            return
        if gone:
            self.drop_vanished(tree, directory)

    def drop_vanished(self, tree: Tree, directory: bytes, pages: Iterable[Sequence[Known]] | None = None) -> None:
        """Drop what the index knows in a directory and is there no more.

        `pages` is what comes into question, else all.

        Looked for after the index was read, and dropped only if no hint came since: a file that came meanwhile,
        and whose hint was received already, would else be lost.
        """
        root = open_tree(tree.root)
        try:
            for page in self.index.inventory.known(tree.root, directory) if pages is None else pages:
                gone = vanished(root, directory, [known.name for known in page])
                self.index.inventory.drop(tree.root, directory, [known for known in page if known.name in gone])
        finally:
            os.close(root)


def _skip(tree: Tree, left_alone: LeftAlone) -> Skip:
    """Whether to skip a directory: ours, private, or one of the kernel's own file systems."""
    without_files = points_without_files(mount_table(), tree.root)

    def skips(directory: bytes) -> bool:
        absolute = os.path.join(tree.root, directory)
        if not tree.leaves_alone(directory):
            return absolute in without_files
        if not tree.is_ours(directory):
            left_alone.directories += 1
            left_alone.note(absolute)
        return True

    return skips


@dataclass(slots=True)
class _Batch:
    """Files seen since the last batch was put into the queue."""

    scanner: Scanner
    priority: Priority
    figures: ScanFigures = field(default_factory=ScanFigures)
    arrivals: list[Arrival] = field(default_factory=list)
    seen: int = 0

    @property
    def is_full(self) -> bool:
        return self.seen >= _BATCH

    def add(self, tree: Tree, listing: Listing) -> None:
        for name in listing.links:
            self.scanner.link_found(tree, os.path.join(tree.root, listing.directory, name))
        inventory = self.scanner.index.inventory
        compare = inventory.compare if listing.whole else inventory.compare_part
        found = compare(tree.root, listing.directory, listing.files)
        if found.missing:
            self.scanner.drop_vanished(tree, listing.directory, [found.missing])
        if listing.last and not listing.whole:
            self.scanner.drop_vanished(tree, listing.directory)
        now = time.time()
        for name in found.unsettled:
            place = Place(tree.root, os.path.join(listing.directory, name))
            if tree.leaves_file_alone(place):
                self.figures.left_alone.files += 1
                self.figures.left_alone.note(place.absolute)
            else:
                self.arrivals.append(self._arrival(tree, place, listing.files[name], now))
        self.seen += len(listing.files) + len(listing.links) + 1  # an empty directory takes its time too
        self.figures.files += len(listing.files)
        self.figures.directory = listing.directory

    def put(self) -> ScanFigures:
        if self.arrivals:
            self.scanner.index.expect(self.arrivals, time.time())
            self.scanner.queued()
        self.figures.queued += len(self.arrivals)
        self.arrivals, self.seen = [], 0
        return self.figures

    def _arrival(self, tree: Tree, place: Place, state: FileState, now: float) -> Arrival:
        customer = tree.customer_of(place.path)
        if self.priority is Priority.FRESH:
            return Arrival(place, customer, now, self.priority)
        quiet_since = max(state.mtime_ns, state.ctime_ns) / 1e9
        due = min(now + self.scanner.quiet, max(now, quiet_since + self.scanner.quiet))
        return Arrival(place, customer, due, self.priority, quiet=self.scanner.quiet)
