"""Scan by order of a person: queue a tree, have it checked, report the progress.

While a daemon runs on the same state directory it does the checking and the scan only queues and watches; otherwise
this process checks. Either way what was queued is on disk: a scan that is broken off goes on with the next one.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from goodhoster.assembly.services import Services
from goodhoster.errors import BusyError, RefusedError
from goodhoster.linux.leases import longest_wait
from goodhoster.model.uploads import LEASED, display
from goodhoster.model.verdicts import VerdictKind
from goodhoster.uploads.index import UploadIndex
from goodhoster.uploads.trees import Tree
from goodhoster_agent.background.workers import UploadWorkers
from goodhoster_agent.daemon_lock import only_daemon
from goodhoster_agent.watching.scanner import LeftAlone, Scanner

_POLL_SECONDS = 0.2
_SHARE = 10
"""While a million files wait, counting them takes a tenth of the time at most."""


@dataclass(slots=True)
class ScanProgress:
    """Progress of a scan."""

    files: int = 0
    """Regular files seen so far."""
    walked: bool = False
    """All of them were seen."""
    waiting: int = 0
    """Seen and not looked at yet."""
    verdicts: Counter[str] = field(default_factory=Counter)
    """Of the files that are there, and of those this scan took offline."""
    left_alone: LeftAlone = field(default_factory=LeftAlone)
    """What is private communication."""

    @property
    def checked(self) -> int:
        """Files with a verdict that says something."""
        return self.verdicts.total() - self.verdicts[VerdictKind.UNCHECKED]


@dataclass(frozen=True, slots=True)
class Region:
    """A directory of a watched tree."""

    tree: Tree
    path: bytes
    """Relative to the tree; empty for all of it."""


def region_of(services: Services, directory: bytes) -> Region:
    """The part of a watched tree that this directory is; RefusedError when it is in none."""
    whole = os.path.realpath(directory)
    if not os.path.isdir(whole):
        raise RefusedError(f"{display(whole)} is not a directory", hint="name a directory of a watched tree")
    for tree in services.trees:
        if whole == tree.root:
            return Region(tree, b"")
        if place := tree.place_of(whole):
            return Region(tree, place.path)
    hint = "add it as a [[watch]], or only look with --dry-run or goodhoster check"
    raise RefusedError(f"{display(whole)} is in no watched tree: whose files these are is not known", hint=hint)


def scan(services: Services, regions: list[Region]) -> Generator[ScanProgress, None, None]:
    """Scan and yield the progress several times a second; the last value is the whole result."""
    started, progress = time.time(), ScanProgress()
    with _workers(services) as notify:
        scanner = Scanner(services.index, services.settings.agent.settle, notify)
        for region in regions:
            yield from _queue(scanner, region, progress)
            _queue_unanswered(services, region)
        notify()
        progress.walked = True
        for progress.waiting in _waiting(services.index, regions):
            yield progress
    progress.waiting = 0
    for region in regions:
        progress.verdicts += _verdicts(services.index, region, started)
    yield progress


def _waiting(index: UploadIndex, regions: list[Region]) -> Iterator[int]:
    """How many were not tried, or were put off because others take long.

    Yields again and again, until there is none. A lease is waited for no longer than the kernel lets one stand.
    """
    leases = _Leases(index)
    while True:
        began = time.monotonic()
        waiting = _sum(index.untried_below, regions) or _sum(index.postponed_below, regions)
        if not (waiting := waiting or _sum(leases.waiting_below, regions)):
            return
        yield waiting
        time.sleep(max(_POLL_SECONDS, _SHARE * (time.monotonic() - began)))


class _Leases:
    """Files that wait for a lease to be broken, as long as the kernel takes for that."""

    def __init__(self, index: UploadIndex) -> None:
        self._index = index
        self._until = 0.0

    def waiting_below(self, tree: bytes, prefix: bytes) -> int:
        """How many below a directory of the tree."""
        self._until = self._until or time.monotonic() + longest_wait()
        return self._index.postponed_below(tree, prefix, LEASED) if time.monotonic() < self._until else 0


def _sum(count_below: Callable[[bytes, bytes], int], regions: list[Region]) -> int:
    return sum(count_below(region.tree.root, region.path) for region in regions)


def _verdicts(index: UploadIndex, region: Region, started: float) -> Counter[str]:
    """Verdicts of this scan.

    Rows of known files stay when the files go: those that went before this scan do not count.
    """
    root = region.tree.root
    counts = Counter(index.verdict_counts_below(root, region.path))
    gone = [path for path in index.known_before(root, region.path, started) if not _exists(root, path)]
    counts[VerdictKind.KNOWN] -= len(gone)
    return counts


def _exists(root: bytes, path: bytes) -> bool:
    return os.path.lexists(os.path.join(root, path))


def _queue(scanner: Scanner, region: Region, progress: ScanProgress) -> Iterator[ScanProgress]:
    before, left_alone = progress.files, LeftAlone()
    for figures in scanner.scan(region.tree, region.path):
        progress.files = before + figures.files
        left_alone = figures.left_alone
        yield progress
    progress.left_alone.directories += left_alone.directories
    progress.left_alone.files += left_alone.files
    progress.left_alone.places += left_alone.places


def _queue_unanswered(services: Services, region: Region) -> None:
    """Queue what a source would answer about now, and did not before.

    It was added since, or in shadow.
    """
    for page in services.index.seen.never_asked_below(region.tree.root, region.path, services.sources, time.time()):
        services.index.expect(page, time.time())


@contextmanager
def _workers(services: Services) -> Iterator[Callable[[], None]]:
    """Start workers of our own, or use the daemon's where one runs.

    The value is to be called when something was queued.
    """
    with ExitStack() as stack:
        if _is_only_process(services, stack):
            workers = UploadWorkers(services.index, services.toolkit, services.trees, services.settings.agent.workers)
            services.desk.recover()
            services.toolkit.recover_storms()
            for case in services.toolkit.late():
                services.toolkit.proceed(case)
            stack.callback(workers.stop)
            workers.start()
            yield workers.notify
        else:
            yield lambda: None  # the daemon looks at the queue several times a second


def _is_only_process(services: Services, stack: ExitStack) -> bool:
    try:
        stack.enter_context(only_daemon(services.settings.state_dir))
    except BusyError:
        return False
    return True
