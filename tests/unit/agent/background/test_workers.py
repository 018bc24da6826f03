"""The pool over the queue: every file gets its verdict, failures come back in time, and no thread dies of anything."""

import fcntl
import hashlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import SourceUnavailableError, UncheckedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.digests import Algorithm
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.sources import Question
from goodhoster.model.uploads import Content, Fault, Place
from goodhoster.model.verdicts import Category, Match
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import CaseQuery, HashSource
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.testing.toolkit import toolkit_over
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.queue import MOST_OF_ONE
from goodhoster.uploads.trees import Tree
from goodhoster_agent.background.workers import UploadWorkers
from tests.leaseholder import leases_on
from tests.waiting import wait_until

PICTURE = "\x89PNG made up"


class Services:
    """A queue and a toolkit over real files, observing; a source that is far and one on the machine."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "customers"
        self.tree.mkdir()
        self.folder = folder
        self.far = MemorySource({}, name="far", local=False)
        self.near = MemorySource({}, name="near", local=True)
        self.store = SqliteCaseStore(folder / "record.sqlite")
        audit = FileAuditLog(folder / "audit.log")
        rules = HouseRules(enforce=False, storm_customers=3, measures_per_hour=100)
        desk = CaseDesk(
            self.store,
            audit,
            LocalQuarantine((os.fsencode(self.tree),)),
            rules,
            FileLock(folder / "desk.lock"),
            HolderLocks(folder / "desk.holders"),
            lambda: datetime.now(UTC),
            brake_in_memory(self.store, audit, rules, lambda: datetime.now(UTC)),
        )
        self.index = UploadIndex(folder / "index.sqlite")
        self.sources: list[HashSource] = [self.far, self.near]
        self.toolkit = toolkit_over(self.sources, self.store, audit, desk, DirectHasher(ReadingLimits(file_bytes=1000)))
        self.workers = UploadWorkers(self.index, self.toolkit, [Tree(os.fsencode(self.tree), None)], 4)

    def file(self, name: str, text: str = PICTURE) -> None:
        path = self.tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.expect(name)

    def expect(self, name: str) -> None:
        place = Place(os.fsencode(self.tree), os.fsencode(name))
        now = time.time()
        self.index.expect([Arrival(place, name.partition("/")[0], now, Priority.FRESH)], now)
        self.workers.notify()

    def verdicts(self) -> dict[str, int]:
        return self.index.figures().verdicts

    def idle(self) -> bool:
        return self.index.figures().waiting == 0


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    services.workers.stop()
    services.index.close()
    services.store.close()


def test_every_file_is_checked_and_a_known_one_becomes_a_case(services: Services) -> None:
    services.workers.start()
    services.near.known[made_up("known").digests.of(Algorithm.MD5)] = Category.ILLEGAL
    for number in range(200):
        services.file(f"alice/{number}.png", f"{PICTURE} {number}")
    services.file("bob/known.png", "known")
    assert wait_until(services.idle)
    assert services.verdicts() == {"clear": 200, "known": 1}
    assert [case.upload.place.path for case in services.store.find(CaseQuery())] == [b"bob/known.png"]
    assert wait_until(lambda: services.workers.checked == 201)


def test_what_is_no_file_any_more_leaves_nothing(services: Services) -> None:
    services.workers.start()
    services.expect("alice/gone.png")
    os.symlink("/etc/passwd", services.tree / "link.png")
    services.expect("link.png")
    assert wait_until(services.idle)
    assert services.verdicts() == {}


def test_files_whose_owner_takes_leases_again_at_once_are_checked(services: Services) -> None:
    for number in range(6):
        services.file(f"alice/{number}.png", f"{PICTURE} {number}")
    services.file("bob/b.png")
    services.near.known[made_up(f"{PICTURE} 5").digests.of(Algorithm.MD5)] = Category.ILLEGAL
    with leases_on(*(services.tree / "alice").iterdir()):
        services.workers.start()
        assert wait_until(lambda: services.verdicts() == {"clear": 6, "known": 1})
    assert wait_until(lambda: services.workers.problems() == [])


def test_a_file_whose_owner_keeps_its_lease_is_told_and_waited_for_by_nobody(services: Services) -> None:
    services.file("alice/a.png")
    path = services.tree / "alice/a.png"
    descriptor = os.open(path, os.O_RDWR)
    told = signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        services.workers.start()
        assert wait_until(lambda: services.verdicts() == {"unchecked": 1})
        assert wait_until(lambda: len(services.workers.problems()) == 1)
        (problem,) = services.workers.problems()
        assert f"1 files are unchecked while a write lease of their owner is being broken ({path} of user" in problem
        services.file("alice/b.png")
        assert wait_until(lambda: services.verdicts() == {"unchecked": 1, "clear": 1})
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        assert wait_until(lambda: services.verdicts() == {"clear": 2})
        assert wait_until(lambda: services.workers.problems() == [])
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, told)


DOWN = SourceUnavailableError("the service is away", reason="refused")
BUSY = SourceUnavailableError("asked too often", reason="http-429", retry_after=3600.0)


def test_while_a_source_fails_files_are_unchecked_and_checked_once_it_answers(services: Services) -> None:
    services.workers.start()
    services.far.trouble = DOWN
    for number in range(20):
        services.file(f"alice/{number}.png", f"{PICTURE} {number}")
    assert wait_until(lambda: services.verdicts() == {"unchecked": 20})
    assert services.index.figures().reasons == {"refused": 20}
    services.far.trouble = None
    assert wait_until(services.idle)
    assert services.verdicts() == {"clear": 20}


def test_the_first_answer_wakes_what_waits_for_its_retry(services: Services) -> None:
    services.workers.start()
    services.far.trouble = BUSY
    services.file("alice/a.png")
    assert wait_until(lambda: services.verdicts() == {"unchecked": 1})
    services.far.trouble = None
    services.file("bob/b.png")
    assert wait_until(services.idle)
    assert services.verdicts() == {"clear": 2}


class Unopenable(DirectHasher):
    """Counts how often a file is read whose content nobody can open."""

    reads = 0

    def read(self, fd: int) -> Content:
        Unopenable.reads += 1
        return replace(super().read(fd), fault=Fault("encrypted"))


@pytest.mark.parametrize("many", [1, 20])
def test_what_cannot_be_opened_is_read_once_and_then_left_for_a_day(services: Services, many: int) -> None:
    """It was read again hundreds of times a second, for ever."""
    Unopenable.reads = 0
    examiner = replace(services.toolkit.examiner, hasher=Unopenable(ReadingLimits(file_bytes=1000)))
    toolkit = replace(services.toolkit, make_examiner=lambda: examiner)
    services.workers = UploadWorkers(services.index, toolkit, [Tree(os.fsencode(services.tree), None)], 4)
    for number in range(many):
        services.file(f"alice/{number}.zip", f"PK {number}")
    services.workers.start()
    assert wait_until(lambda: services.verdicts() == {"unchecked": many})
    time.sleep(1)
    assert Unopenable.reads == many


def test_a_wait_of_hours_that_a_source_asks_for_is_honoured(services: Services) -> None:
    services.far.trouble = SourceUnavailableError("asked too often", reason="http-429", retry_after=5 * 3600.0)
    services.file("alice/a.png")
    services.workers.start()
    assert wait_until(lambda: services.verdicts() == {"unchecked": 1})
    asked = len(services.far.asked)
    time.sleep(1)
    assert len(services.far.asked) == asked


def test_a_file_whose_time_lies_in_the_future_does_not_wait_for_it(services: Services) -> None:
    """Its owner set it, or the clock was set back after it was written."""
    services.workers.start()
    path = services.tree / "alice" / "a.png"
    path.parent.mkdir()
    path.write_text(PICTURE)
    os.utime(path, (time.time() + 3000, time.time() + 3000))
    time.sleep(1.1)
    now = time.time()
    place = Place(os.fsencode(services.tree), b"alice/a.png")
    services.index.expect([Arrival(place, "alice", now, Priority.FRESH, quiet=1.0)], now)
    services.workers.notify()
    assert wait_until(lambda: services.verdicts() == {"clear": 1})


def test_an_answer_of_the_machines_own_lists_does_not_wake_what_waits_for_a_far_source(services: Services) -> None:
    services.workers.start()
    services.far.trouble = BUSY
    services.file("alice/a.png")
    assert wait_until(lambda: services.verdicts() == {"unchecked": 1})
    asked = len(services.far.asked)
    for number in range(20):
        services.file(f"bob/{number}.txt", f"a letter {number}")
    assert wait_until(lambda: services.verdicts() == {"unchecked": 1, "clear": 20})
    time.sleep(0.5)
    assert len(services.far.asked) == asked


def test_what_a_source_cannot_be_asked_by_is_no_outage_and_wakes_nothing(services: Services) -> None:
    """A broken picture where there are near lists, for one: as each of many came again it woke all the others."""
    services.workers.start()
    services.far.trouble = UncheckedError("needs fingerprints", reason="not-askable")
    for number in range(5):
        services.file(f"alice/{number}.png", f"{PICTURE} {number}")
    assert wait_until(lambda: services.verdicts() == {"unchecked": 5})
    services.far.trouble = None
    services.file("bob/b.png")
    assert wait_until(lambda: services.verdicts() == {"unchecked": 5, "clear": 1})
    time.sleep(2)  # the first retry of an outage would come within two seconds
    assert services.verdicts() == {"unchecked": 5, "clear": 1}


class Broken(MemorySource):
    """A plug-in with a fault of its own."""

    def look_up(self, question: Question) -> tuple[Match, ...]:
        raise ZeroDivisionError(question)


def test_a_fault_in_a_plug_in_stops_no_other_file_and_is_told(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    services.sources.append(Broken({}, name="broken", local=False))
    services.workers.start()
    services.file("alice/a.png")
    assert wait_until(lambda: "ZeroDivisionError" in caplog.text)
    services.file("bob/letter.txt", "a letter")
    assert wait_until(lambda: services.verdicts() == {"unchecked": 1, "clear": 1})
    assert services.index.figures().reasons == {"internal-error": 1}
    assert "alice/a.png failed" in caplog.text
    assert "tried again in" in caplog.text
    assert services.index.figures().waiting == 1, "neither clear nor known"


def test_no_worker_dies_while_nothing_can_be_written(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    services.file("alice/a.png")
    services.index.database._db.execute(
        "PRAGMA query_only = 1"
    )  # SQLite's own refusal, in place of that of a full disk
    services.workers.start()
    assert wait_until(lambda: caplog.text.count("readonly database") >= 3)
    services.index.database._db.execute("PRAGMA query_only = 0")
    assert wait_until(services.idle)
    assert services.verdicts() == {"clear": 1}


def test_no_worker_dies_while_the_queue_cannot_be_read(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    services.file("alice/a.png")
    services.index.database._db.execute("ALTER TABLE uploads RENAME TO away")
    services.workers.start()
    assert wait_until(lambda: "no such table" in caplog.text)
    services.index.database._db.execute("ALTER TABLE away RENAME TO uploads")
    assert wait_until(services.idle)
    assert services.verdicts() == {"clear": 1}


def test_stopping_ends_after_the_files_in_hand_and_the_rest_waits_on_disk(services: Services) -> None:
    for number in range(500):
        services.file(f"alice/{number}.png", f"{PICTURE} {number}")
    services.workers.start()
    assert wait_until(lambda: services.workers.checked > 0)
    services.workers.stop()
    figures = services.index.figures()
    assert figures.verdicts == {"clear": services.workers.checked}
    assert figures.waiting == 500 - services.workers.checked


def test_one_customers_slow_files_leave_threads_for_others(services: Services) -> None:
    """Whatever makes them slow; here it is a source that does not answer about them."""
    answered = threading.Event()

    class Slow(MemorySource):
        def look_up(self, question: Question) -> tuple[Match, ...]:
            if question.digests.sha256 in slow:
                answered.wait(60)
            return super().look_up(question)

    slow = {hashlib.sha256(f"{PICTURE} {number}".encode()).digest() for number in range(100)}
    services.sources.append(Slow({}, name="slow", local=True))
    for number in range(100):
        services.file(f"anna/{number}.png", f"{PICTURE} {number}")
    services.workers.start()
    assert wait_until(lambda: len(services.index._queue.in_progress()) >= MOST_OF_ONE)
    for number in range(5):
        services.file(f"bert/{number}.png")
        assert wait_until(lambda number=number: services.verdicts() == {"clear": number + 1})  # type: ignore[misc]
    answered.set()
    assert wait_until(services.idle)
    assert services.verdicts() == {"clear": 105}


def test_a_customer_whose_files_take_long_to_open_has_few_threads_for_a_while(services: Services) -> None:
    """The others are not kept waiting by those that are opened in turn."""
    at_once: list[int] = []
    opening = threading.Semaphore(0)
    lock, busy = threading.Lock(), [0]

    class Slow(MemorySource):
        def look_up(self, question: Question) -> tuple[Match, ...]:
            if question.digests.sha256 in slow:
                services.workers.note_slow()
                with lock:
                    busy[0] += 1
                    at_once.append(busy[0])
                opening.acquire(timeout=60)
                with lock:
                    busy[0] -= 1
            return super().look_up(question)

    slow = {hashlib.sha256(f"{PICTURE} {number}".encode()).digest() for number in range(20)}
    services.sources.append(Slow({}, name="slow", local=True))
    services.file("anna/0.png", f"{PICTURE} 0")
    services.workers.start()
    assert wait_until(lambda: at_once == [1])
    for number in range(1, 20):
        services.file(f"anna/{number}.png", f"{PICTURE} {number}")
    services.file("bert/a.png")
    assert wait_until(lambda: services.verdicts() == {"clear": 1})
    for _ in range(20):
        opening.release()
    assert wait_until(services.idle)
    assert max(at_once) <= 3
