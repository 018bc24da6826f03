"""Conversion of hints and gaps into rows of the queue and comparisons with the index."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from goodhoster.errors import IndexUnavailableError
from goodhoster.linux.file_system_calls import NotAnsweringError
from goodhoster.linux.mount_table import Mount, lies_at_or_below
from goodhoster.model.uploads import Place, display
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.trees import Tree
from goodhoster_agent.watching.comparison_progress import ComparisonFigures
from goodhoster_agent.watching.events import EventSource, Gap, Hint, Written
from goodhoster_agent.watching.hint_queue import FairHintQueue
from goodhoster_agent.watching.links import LinkedHomes, SwitchedTree, linked_homes, switched
from goodhoster_agent.watching.mounts import MountWatch, holds_files, mounts_of
from goodhoster_agent.watching.new_directories import NewDirectories
from goodhoster_agent.watching.open_files import OpenFiles
from goodhoster_agent.watching.reconciler import Reconciler, Rhythm
from goodhoster_agent.watching.scanner import Scanner

__all__ = ["Rhythm", "Watcher"]

_log = logging.getLogger(__name__)
_BATCH = 500
_REMEMBERED = 100_000
"""Directories whose customer is remembered."""
_SOON = 0.5
"""Seconds in which a tree is expected to say whether it is there."""
_LONGEST_END = 10.0
_LOOK_FOR_LINKS_EVERY = 60.0
"""Seconds between looks where linked homes and watched paths lead."""
_LOOK_AGAIN_AFTER = 2.0
"""Seconds to the next such look where a home was linked that is not watched yet."""
_SAY_AGAIN = 60.0
"""Seconds before the same gap is logged again."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that were lost, and whose files are being looked for."""

    since: float
    """When the first was, by the system's clock."""
    newest: float
    """When the last was, monotonic."""
    reason: str

    def __str__(self) -> str:
        reason = display(os.fsencode(self.reason))
        return f"events were lost at {_local(self.since)} ({reason}): comparing every tree with the index"


class Watcher:
    """Thread that empties the event source into the queue; other threads scan."""

    def __init__(self, trees: Sequence[Tree], index: UploadIndex, source: EventSource, rhythm: Rhythm) -> None:
        self._trees = tuple(trees)
        self._calls = source.calls
        self._calls.answered = self._answers_again
        self._index = index
        self._rhythm = rhythm
        self._reported = FairHintQueue(self._fairness_key)
        self._open_files = OpenFiles(trees, source.calls)
        self._said: dict[str, float] = {}
        self._customers: dict[bytes, str] = {}
        """By directory, where the register tells them."""
        self._absent: list[bytes] = []
        self._linked: dict[bytes, LinkedHomes] = {}
        self._look_for_links_at = 0.0
        self._switched: dict[bytes, SwitchedTree] = {}
        self._seen_switched: dict[bytes, SwitchedTree] = {}
        self.roots_now: Callable[[], Sequence[bytes]] = tuple
        """The trees that a new start would watch: root may have linked another home since."""
        self._new_roots: frozenset[bytes] = frozenset()
        self._is_new_root_sure = False
        scanner = Scanner(index, rhythm.quiet, self._ring, self._calls, self._look_where_it_leads)
        self._newcomers = NewDirectories(scanner, self._listen)
        self._reconciler = Reconciler(trees, scanner, rhythm)
        self._reconciler.events_are_missing = lambda: bool(source.problems())
        self._mounts = MountWatch([tree.root for tree in trees], self._mounted, self._unmounted, source.lost)
        self._thread = threading.Thread(target=self._empty, name="hints", daemon=True)
        self.source = source
        self.queued: Callable[[], None] = lambda: None
        """Called when something was queued, so that workers look."""
        self.gaps = 0
        self.last_gap = ""
        self._noting = threading.Lock()
        self._loss: Loss | None = None
        """The events that were lost and whose files no comparison has found yet."""

    @property
    def scanning(self) -> bool:
        """Whether a whole tree is being compared with the index now."""
        return self._reconciler.scanning

    def comparisons(self) -> list[ComparisonFigures]:
        """Figures of the comparisons of whole trees that are under way, for `status`."""
        return self._reconciler.figures()

    def problems(self) -> list[str]:
        """Descriptions of what is not watched now, for `status`; empty when all is well."""
        missed = [
            f"changes below {display(directory)} came faster than they could be taken: it is compared with the index"
            for directory in self._reported.missed()
        ]
        absent = (display(root) for root in self._absent)
        problems = [f"ALARM: the watched tree {root} is not there: nothing of it is checked" for root in absent]
        return (
            problems
            + [str(each) for each in self._switched.values()]
            + self._lost()
            + [str(each) for each in self._linked.values()]
            + [_silent(point, since) for point, since in sorted(self._calls.silent().items())]
            + missed
            + self.source.problems()
        )

    def look_for_trees(self) -> None:
        """Return the trees that are missing, such as a disk that is not mounted.

        One that came (back) is watched and compared.
        """
        absent = [tree.root for tree in self._trees if not self._is_there(tree.root)]
        for root in set(self._absent) - set(absent):
            _log.warning("the watched tree %s is there now", display(root))
            self.source.cover(root)
            self._reconciler.again()
        self._absent = absent
        self._look_for_switches()
        if time.monotonic() >= self._look_for_links_at:
            self._look_for_links_at = time.monotonic() + _LOOK_FOR_LINKS_EVERY
            self._look_for_links()

    @property
    def must_follow(self) -> bool:
        """Whether root has switched a watched path, or linked a home, as was seen twice."""
        return self._is_new_root_sure or any(each.trusted for each in self._switched.values())

    def _look_for_switches(self) -> None:
        """Look where watched paths lead; a change counts when it is seen a second time."""
        for tree in self._trees:
            with suppress(NotAnsweringError, OSError):
                now = self._calls.ask(tree.root, partial(switched, tree), _SOON)
                if now is None:
                    self._seen_switched.pop(tree.root, None)
                    self._switched.pop(tree.root, None)
                elif self._seen_switched.get(tree.root) != now:
                    self._seen_switched[tree.root] = now
                elif self._switched.get(tree.root) != now:
                    self._switched[tree.root] = now
                    _log.warning("%s", now)

    def _look_for_links(self) -> None:
        roots = [tree.root for tree in self._trees]
        new = frozenset(self.roots_now()) - set(roots)
        self._is_new_root_sure = bool(new & self._new_roots)
        self._new_roots = new
        if new:
            self._look_for_links_at = time.monotonic() + _LOOK_AGAIN_AFTER
        if self._is_new_root_sure:
            _log.warning("homes that root linked are watched from now on: %s", ", ".join(map(display, sorted(new))))
        for root in roots:
            with suppress(NotAnsweringError, OSError):
                found = self._calls.ask(root, partial(linked_homes, root, roots), _SOON)
                if found != self._linked.get(root) and found is not None:
                    _log.warning("%s", found)
                self._linked.pop(root, None)
                if found is not None:
                    self._linked[root] = found

    def _is_there(self, root: bytes) -> bool:
        """Whether the tree is there; one that does not answer is reported separately."""
        try:
            return self._calls.ask(root, lambda: os.path.isdir(root), _SOON)
        except NotAnsweringError:
            return True

    def start(self) -> None:
        """Start watching, then scan everything once.

        The scan finds what came before, events report what comes later.
        """
        self._index.rebuilt = lambda reason: self._listen(Gap(reason))
        roots = [tree.root for tree in self._trees]
        self._mounts.known = mounts_of(roots)
        self.source.start(roots, self._listen)
        for mount in self._mounts.known:
            if holds_files(mount) and any(lies_at_or_below(mount.point, root) for root in roots):
                self.source.cover(mount.point)
        for part in (self._thread, self._newcomers, self._reconciler, self._mounts):
            part.start()

    def stop(self) -> None:
        """Stop all threads; what was reported is in the queue."""
        self._mounts.stop()
        self.source.stop()
        self._reported.end()
        if self._thread.ident is not None:
            self._thread.join(_LONGEST_END)
        self._newcomers.stop()
        self._reconciler.stop()

    def _ring(self) -> None:
        self.queued()

    def _listen(self, event: Hint | Gap | Sequence[Written]) -> None:
        """Accept a report from any thread; without blocking but for files that were written to."""
        if not isinstance(event, Hint | Gap):
            for hint in self._open_files.look(event):
                self._reported.put(hint)
            return
        if isinstance(event, Gap) and not event.below:
            self._note_loss(event)
        self._reported.put(event)

    def _fairness_key(self, hint: Hint) -> Hashable:
        """Whose hints are taken in turn with those of others.

        What the directories of the tree tell, which is cheap; where the register tells more, the customer once a hint
        from that directory was taken.
        """
        if learned := self._customers.get(hint.directory):
            return learned
        for tree in self._trees:
            top = os.path.join(tree.root, b"")
            if os.path.join(hint.directory, b"").startswith(top):
                return tree.root, hint.directory[len(top) :].partition(b"/")[0]
        return None

    def _remember_customer(self, directory: bytes, tree: Tree, customer: str) -> None:
        if tree.owner_of is None:
            return
        if len(self._customers) >= _REMEMBERED:
            self._customers = {}
        self._customers[directory] = customer

    def _note_loss(self, gap: Gap) -> None:
        """Note that events were lost: `status` says it at once, whatever else waits."""
        with self._noting:
            since = self._loss.since if self._loss else time.time()
            self._loss = Loss(since, time.monotonic(), gap.reason)

    def _lost(self) -> list[str]:
        """The loss, as long as not every tree was compared since."""
        with self._noting:
            if self._loss and self._reconciler.compared_since(self._loss.newest):
                self._loss = None
            return [str(self._loss)] if self._loss else []

    def look_at_link(self, place: Place) -> None:
        """Look at what came and is no file: a link below a docroot may lead to what was left alone."""
        for tree in self._trees:
            if tree.root == place.tree:
                self._look_where_it_leads(tree, place.absolute)

    def _look_where_it_leads(self, tree: Tree, link: bytes) -> None:
        if served := tree.find_link(link):
            self._compare_below(served)

    def _mounted(self, mount: Mount) -> None:
        """Scan what was mounted; where a tree lies on another disk now, all of it."""
        if not holds_files(mount):
            return
        _log.info("%s is mounted: it is watched and compared with the index", display(mount.point))
        self._rescan_mounted(mount)

    def _unmounted(self, mount: Mount) -> None:
        """Stop checking what was mounted there; what lay below it is seen again."""
        if not holds_files(mount):
            return
        _log.warning("%s is not mounted any more: what was on it is not checked", display(mount.point))
        self.source.uncover(mount.point)
        self._rescan_mounted(mount)

    def _rescan_mounted(self, mount: Mount) -> None:
        roots = [tree.root for tree in self._trees]
        for root in roots:
            if lies_at_or_below(root, mount.point):
                self.source.cover(root)
                self._reconciler.again()
        if any(lies_at_or_below(mount.point, root) for root in roots):
            self.source.cover(mount.point)
            self._listen(Hint(*os.path.split(mount.point), is_directory=True))

    def _answers_again(self, point: bytes) -> None:
        """Schedule a comparison for a disk that answers again.

        Called by the thread that was blocked.
        """
        _log.warning("%s answers again: it is compared with the index now", display(point))
        self._reconciler.again()

    def _empty(self) -> None:
        while (batch := self._reported.take(_BATCH)) is not None:
            self._take(batch)

    def _take(self, batch: Sequence[Hint | Gap]) -> None:
        arrivals: dict[Place, Arrival] = {}
        for event in batch:
            if isinstance(event, Gap):
                self._note_gap(event)
            elif (arrival := self._arrival_of(event)) and (arrival.place not in arrivals or not arrival.quiet):
                arrivals[arrival.place] = arrival
        if arrivals:
            self._expect(list(arrivals.values()))

    def _expect(self, arrivals: Sequence[Arrival]) -> None:
        try:
            if self._index.full():
                self._note_gap(Gap("the queue is full: hints are dropped"))
                return
            self._index.expect(arrivals, time.time())
        except IndexUnavailableError as error:
            self._note_gap(Gap(str(error)))
        self.queued()

    def _arrival_of(self, hint: Hint) -> Arrival | None:
        absolute = os.path.join(hint.directory, hint.name)
        for tree in self._trees:
            place = tree.place_of(absolute)
            if place is not None and hint.is_directory:
                self._newcomers.look_through(tree, place)
                return None
            if place is not None:
                quiet = 0.0 if hint.settled else self._rhythm.quiet
                customer = tree.customer_of(place.path)
                self._remember_customer(hint.directory, tree, customer)
                return Arrival(place, customer, time.time() + quiet, Priority.FRESH, quiet)
        return None

    def _note_gap(self, gap: Gap) -> None:
        self.gaps += 1
        self.last_gap = gap.reason
        if not (gap.below and self._compare_below(gap.below)):
            self._note_loss(gap)
            self._reconciler.again()
        now = time.monotonic()
        if now - self._said.get(gap.reason, -_SAY_AGAIN) >= _SAY_AGAIN:
            self._said = {gap.reason: now}
            what = display(gap.below) if gap.below else "every tree"
            _log.warning("events were lost (%s): %s is compared with the index now", _shown(gap.reason), what)

    def _compare_below(self, directory: bytes) -> bool:
        """Compare one directory and what lies below it; False where it is in no tree."""
        for tree in self._trees:
            top = os.path.join(tree.root, b"")
            if os.path.join(directory, b"").startswith(top):
                self._newcomers.look_through(tree, Place(tree.root, directory[len(top) :]))
                return True
        return False


def _shown(reason: str) -> str:
    return display(os.fsencode(reason))


def _silent(point: bytes, since: float) -> str:
    return f"{display(point)} does not answer since {_local(since)}: nothing there is checked until it does"


def _local(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone().isoformat(" ", "seconds")
