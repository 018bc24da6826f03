"""Trees of customers, watched and checked for real, in this process or (`python world.py`) in one that can be killed.

What was checked is counted from outside: every file on the disk has a content of its own, and the hash source writes
down what it was asked.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.checking.hasher import DirectHasher
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match
from goodhoster.policy.rules import HouseRules
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.toolkit import toolkit_over
from goodhoster.uploads.index import UploadIndex
from goodhoster.uploads.trees import Tree
from goodhoster_agent.background.workers import UploadWorkers
from goodhoster_agent.watching.events import EventSource
from goodhoster_agent.watching.fanotify import FanotifySource
from goodhoster_agent.watching.source_choice import choose_source
from goodhoster_agent.watching.watcher import Rhythm, Watcher
from tests.waiting import wait_until

KNOWN = b"known: " + bytes(20)
LARGEST = 1 << 20


class World:
    """One tree, a directory per customer below it."""

    def __init__(self, folder: Path, events: str, private_reason: str = "") -> None:
        self.events = events
        self.private_reason = private_reason
        self.tree = bytes(folder / "customers")
        self.state = folder / "state"
        for directory in (self.tree, self.state):
            os.makedirs(directory, exist_ok=True)
        self.hashes = MemorySource({Digest(Algorithm.SHA256, hashlib.sha256(KNOWN).digest()): Category.ILLEGAL})
        self.running = False

    def start(self, source: EventSource | None = None) -> None:
        """Over the same disk and state as before."""
        self.index = UploadIndex(self.state / "index.sqlite")
        self.store = SqliteCaseStore(self.state / "record.sqlite")
        audit = FileAuditLog(self.state / "audit.log")
        rules = HouseRules(enforce=False, storm_customers=3, measures_per_hour=100)
        lock, holders = FileLock(self.state / "desk.lock"), HolderLocks(self.state / "desk.holders")
        quarantine, clock = LocalQuarantine((self.tree,)), lambda: datetime.now(UTC)
        brake = brake_in_memory(self.store, audit, rules, clock)
        desk = CaseDesk(self.store, audit, quarantine, rules, lock, holders, clock, brake)
        trees = [Tree(self.tree, None, self.private_reason)]
        toolkit = toolkit_over([self.hashes], self.store, audit, desk, DirectHasher(ReadingLimits(file_bytes=LARGEST)))
        self.workers = UploadWorkers(self.index, toolkit, trees, 4)
        self.watcher = Watcher(
            trees,
            self.index,
            source or choose_source(self.events, [self.tree]),
            Rhythm(every=1.0 if self.events == "scan" else 3600.0, quiet=0.3, pause=1.0),
        )
        self.watcher.queued = self.workers.notify
        self.workers.link_found = self.watcher.look_at_link
        self.workers.start()
        self.watcher.start()
        self.running = True

    def stop(self) -> None:
        if self.running:
            self.running = False
            self.watcher.stop()
            self.workers.stop()
            self.index.close()
            self.store.close()

    @contextmanager
    def running_on(self, source: EventSource | None = None) -> Iterator[None]:
        self.start(source)
        try:
            yield
        finally:
            self.stop()

    def path(self, name: bytes) -> bytes:
        return os.path.join(self.tree, name)

    def write(self, name: bytes, content: bytes | None = None) -> bytes:
        """A file of its own content, closed; its directory is made."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"content of " + name if content is None else content)
        return path

    def asked(self) -> set[bytes]:
        """SHA-256 of everything the hash source was asked about."""
        return {question.digests.sha256 for question in list(self.hashes.asked)}

    def reconcile(self) -> None:
        """As T would: what no event tells is found by comparing."""
        self.watcher._reconciler.again()


def on_disk(tree: bytes) -> dict[bytes, bytes]:
    """SHA-256 and path of every regular file, by a walk of our own."""
    return {
        sha256_of_file(path): path
        for directory, _, names in os.walk(tree)
        for name in names
        if os.path.isfile(path := os.path.join(directory, name)) and not os.path.islink(path)
    }


def sha256_of_file(path: bytes) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def first_comparison(world: World) -> None:
    """Wait until the tree was compared once since the start: what comes later is found by events alone."""
    assert wait_until(lambda: world.index.inventory.progress(world.tree).completed_at is not None)
    assert wait_until(lambda: not world.watcher.scanning)


def everything_checked(world: World, seconds: float = 120) -> None:
    """Every file that is on the disk was asked about, in the state it has now."""
    files = on_disk(world.tree)
    try:
        assert wait_until(lambda: files.keys() <= world.asked(), seconds)
    except AssertionError:
        missing = sorted(files[digest] for digest in files.keys() - world.asked())
        raise AssertionError(f"{len(missing)} of {len(files)} files were not checked, such as {missing[:3]}") from None


_turn = threading.Lock()


def _say(*words: object) -> None:
    """One line at a time, whichever thread says it."""
    with _turn:
        print(*words, flush=True)  # noqa: T201 - how this process is seen from outside


class _Telling(MemorySource):
    """Says aloud what it was asked."""

    def look_up(self, question: Question) -> tuple[Match, ...]:
        _say("asked", question.digests.sha256.hex())
        return super().look_up(question)


def main(folder: str, events: str, queue: str = "") -> None:
    """Until it is killed, or its standard input ends; a line of it is answered with the problems. `limited`: the
    kernel's queue is, also for root.
    """
    world = World(Path(folder), events)
    world.hashes = _Telling(world.hashes.known)
    limited = queue == "limited" and events == "fanotify"
    with world.running_on(FanotifySource("a test", unlimited=False) if limited else None):
        _say("ready")
        for _ in sys.stdin:
            compared = world.index.inventory.progress(world.tree).completed_at is not None
            told = (world.watcher.gaps, world.watcher.problems(), world.watcher.last_gap)
            _say("problems", *told, "compared" * compared)


if __name__ == "__main__":
    main(*sys.argv[1:])
