"""Examining a file: read once, asked of every source, and never called clear without an answer."""

import fcntl
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.cases.desk import CaseDesk
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import NotAnUploadError, SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.evidence.quarantine.procedure import LocalQuarantine
from goodhoster.examination import Examiner
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.cases import CaseState, Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.sources import Question
from goodhoster.model.uploads import FileState, PastReading, Place
from goodhoster.model.verdicts import Category, ContentKind, Match, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.testing.brake import brake_in_memory
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.testing.toolkit import toolkit_over
from goodhoster.uploads.opening import open_upload

PICTURE = "\x89PNG made up"
KNOWN = made_up(PICTURE).digests.of(Algorithm.SHA256)
HASHER = DirectHasher(ReadingLimits(file_bytes=1000))


class Services:
    """A toolkit over real files, with a source that is far and one on the machine."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "customers"
        self.tree.mkdir()
        self.far = MemorySource({}, name="far", local=False)
        self.near = MemorySource({}, name="near", local=True)
        self.store, self.audit = SqliteCaseStore(folder / "record.sqlite"), FileAuditLog(folder / "audit.log")
        rules = HouseRules(enforce=False, storm_customers=3, measures_per_hour=100)
        desk = CaseDesk(
            self.store,
            self.audit,
            LocalQuarantine((os.fsencode(self.tree),)),
            rules,
            FileLock(folder / "desk.lock"),
            HolderLocks(folder / "desk.holders"),
            lambda: datetime.now(UTC),
            brake_in_memory(self.store, self.audit, rules, lambda: datetime.now(UTC)),
        )
        self.toolkit = toolkit_over((self.far, self.near), self.store, self.audit, desk, HASHER)

    def file(self, name: str, text: str = PICTURE) -> Place:
        path = self.tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return self.place(name)

    def place(self, name: str) -> Place:
        return Place(os.fsencode(self.tree), os.fsencode(name))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    services.store.close()


def test_a_picture_is_asked_of_every_source_once(services: Services) -> None:
    place = services.file("alice/a.png")
    with services.toolkit.examine(place) as checked:
        assert checked.verdict.kind is VerdictKind.CLEAR
        assert checked.state == FileState.of(os.stat(place.absolute))
        assert checked.content
        assert checked.content.digests == made_up(PICTURE).digests
    assert len(services.far.asked) == len(services.near.asked) == 1


@pytest.mark.parametrize("name", ["a.txt", "a.JPG", "broken.heic"])
def test_nothing_about_a_text_leaves_the_machine_unless_its_name_claims_a_picture(
    services: Services, name: str
) -> None:
    with services.toolkit.examine(services.file(f"alice/{name}", "a letter")) as checked:
        assert checked.content
        assert checked.content.kind is ContentKind.OTHER
    assert len(services.near.asked) == 1
    assert len(services.far.asked) == (name != "a.txt")


def test_where_it_is_set_so_services_are_asked_about_texts_too(services: Services) -> None:
    sources = (services.far, services.near)
    examiner = Examiner(sources, HASHER, lambda: datetime.now(UTC), ask_everything=True)
    with examiner.examine(services.file("alice/a.txt", "a letter")) as examined:
        assert examined.verdict.kind is VerdictKind.CLEAR
    assert len(services.near.asked) == len(services.far.asked) == 1


def test_a_picture_under_the_name_of_a_text_is_asked_about(services: Services) -> None:
    services.far.known[KNOWN] = Category.BASELINE
    with services.toolkit.examine(services.file("alice/letter.txt", "GIF89a")):
        pass
    assert len(services.far.asked) == 1


def test_what_is_remembered_of_this_very_state_is_not_read_again(services: Services) -> None:
    place = services.file("alice/a.png")
    with services.toolkit.examine(place) as checked:
        assert checked.state
        assert checked.content
        remembered = PastReading(checked.state, checked.content)
    before = os.stat(place.absolute)
    with services.toolkit.examine(place, remembered) as again:
        assert again.content is remembered[1]
    services.file("alice/a.png", PICTURE.upper())
    os.utime(place.absolute, ns=(before.st_atime_ns, before.st_mtime_ns))
    with services.toolkit.examine(place, remembered) as changed:
        assert changed.content
        assert changed.content.digests == made_up(PICTURE.upper()).digests


def test_a_file_that_is_too_big_is_unchecked_and_never_read(services: Services) -> None:
    place = services.file("alice/a.png")
    os.truncate(place.absolute, 1 << 40)
    before = bytes_read()
    with services.toolkit.examine(place) as checked:
        assert (checked.verdict.kind, checked.verdict.reason) == (VerdictKind.UNCHECKED, "too-big")
        assert checked.state
        assert checked.content is None
    assert bytes_read() - before < 100_000
    assert services.near.asked == []


def bytes_read() -> int:
    """By this process so far, as the kernel counts."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_a_file_that_changes_while_it_is_read_is_unchecked(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    place = services.file("alice/a.png")
    read, versions = os.pread, itertools.count(1)

    def read_and_change(fd: int, count: int, offset: int) -> bytes:
        block = read(fd, count, offset)
        with open(place.absolute, "r+b") as file:  # as many bytes, others each time
            file.write(next(versions).to_bytes(4))
        return block

    monkeypatch.setattr(os, "pread", read_and_change)
    with services.toolkit.examine(place) as checked:
        assert (checked.verdict.kind, checked.verdict.reason) == (VerdictKind.UNCHECKED, "changed")
    assert services.near.asked == []


def test_a_file_that_is_cut_and_mended_while_it_is_read_is_changed_and_not_too_big(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `too-big` it would be left alone for an hour."""
    place = services.file("alice/a.png", PICTURE + "made up " * 100_000)
    examiner = Examiner((services.near,), DirectHasher(ReadingLimits()), lambda: datetime.now(UTC))
    whole, read = Path(os.fsdecode(place.absolute)).read_bytes(), os.pread

    def read_and_cut(fd: int, count: int, offset: int) -> bytes:
        os.truncate(place.absolute, len(whole) - 1000)
        block = read(fd, count, offset)
        with open(place.absolute, "r+b") as file:
            file.write(whole)
        return block

    monkeypatch.setattr(os, "pread", read_and_cut)
    with examiner.examine(place) as checked:
        assert (checked.verdict.kind, checked.verdict.reason) == (VerdictKind.UNCHECKED, "changed")


def test_a_file_that_is_removed_while_it_could_not_be_checked_is_gone_and_not_unchecked(services: Services) -> None:
    """Otherwise it would be counted, and tried again a day later."""
    place = services.file("alice/a.png")

    class Failing(MemorySource):
        def look_up(self, question: Question) -> tuple[Match, ...]:
            os.unlink(place.absolute)
            raise SourceUnavailableError(f"away: {question}", reason="timeout")

    examiner = Examiner((Failing({}),), DirectHasher(ReadingLimits()), lambda: datetime.now(UTC))
    with pytest.raises(NotAnUploadError, match="was removed"), examiner.examine(place):
        pass


def test_a_file_that_is_touched_every_half_millisecond_is_checked(services: Services) -> None:
    place = services.file("alice/a.png", PICTURE + "made up " * 100_000)
    examiner = Examiner((services.near,), DirectHasher(ReadingLimits()), lambda: datetime.now(UTC))
    stop = threading.Event()

    def touch() -> None:
        while not stop.wait(0.0005):
            os.utime(place.absolute)

    thread = threading.Thread(target=touch)
    thread.start()
    try:
        for _ in range(20):
            with examiner.examine(place) as checked:
                assert checked.verdict.kind is VerdictKind.CLEAR, checked.verdict
                assert checked.state
                assert checked.state.ctime_ns < time.time_ns()
    finally:
        stop.set()
        thread.join()


def test_a_file_that_grew_or_was_replaced_meanwhile_is_unchecked(services: Services) -> None:
    place = services.file("alice/a.png")
    with open_upload(place) as opened:
        with open(place.absolute, "ab") as file:
            file.write(b"more")
        examiner = Examiner((services.near,), HASHER, lambda: datetime.now(UTC))
        assert examiner.examine_opened(opened).verdict.reason == "changed"


@pytest.mark.parametrize("kind", [fcntl.F_RDLCK, fcntl.F_WRLCK])
def test_a_lease_of_the_customers_is_no_clear_and_ends(services: Services, kind: int) -> None:
    place = services.file("alice/a.png")
    descriptor = os.open(place.absolute, os.O_RDWR if kind == fcntl.F_WRLCK else os.O_RDONLY)
    broken = signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, kind)
        with services.toolkit.examine(place) as checked:
            if kind == fcntl.F_RDLCK:
                assert checked.verdict.kind is VerdictKind.CLEAR
            else:  # whoever holds it is told to let go, and has 45 seconds
                assert (checked.verdict.kind, checked.verdict.reason) == (VerdictKind.UNCHECKED, "leased")
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        with services.toolkit.examine(place) as checked:
            assert checked.verdict.kind is VerdictKind.CLEAR
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, broken)


def test_no_source_at_all_is_no_check(services: Services) -> None:
    nobody = toolkit_over((), services.store, services.audit, services.toolkit.desk, HASHER)
    with nobody.examine(services.file("alice/a.png")) as checked:
        assert (checked.verdict.kind, checked.verdict.reason) == (VerdictKind.UNCHECKED, "no-source")


@pytest.mark.parametrize(
    "trouble",
    [
        SourceUnavailableError("slow", reason="timeout"),
        SourceRefusedError("who are you", reason="http-401"),
        UncheckedError("odd", reason="no-digest"),
    ],
)
def test_a_source_that_fails_makes_it_unchecked(services: Services, trouble: UncheckedError) -> None:
    services.far.trouble = trouble
    with services.toolkit.examine(services.file("alice/a.png")) as checked:
        assert (checked.verdict.kind, checked.verdict.reason) == (VerdictKind.UNCHECKED, trouble.reason)


def test_a_fault_of_a_plug_in_makes_it_unchecked(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def divide_by_zero(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(services.far, "look_up", divide_by_zero)
    with services.toolkit.examine(services.file("alice/a.png")) as examined:
        assert (examined.verdict.kind, examined.verdict.reason) == (VerdictKind.UNCHECKED, "internal-error")


def test_a_file_that_is_gone_is_told(services: Services) -> None:
    with pytest.raises(NotAnUploadError), services.toolkit.examine(services.place("alice/gone")):
        pass


def test_a_file_that_cannot_be_opened_is_unchecked(services: Services) -> None:
    place = Place(os.fsencode(services.tree) + b"/unmounted", b"a.png")
    with services.toolkit.examine(place) as checked:
        assert (checked.verdict.kind, checked.verdict.reason) == (VerdictKind.UNCHECKED, "unreadable")
        assert checked.state is None


def test_what_fails_inside_is_not_taken_for_a_failed_examination(services: Services) -> None:
    failure = UncheckedError("of somebody else", reason="other")
    with pytest.raises(UncheckedError) as caught, services.toolkit.examine(services.file("alice/a.png")):
        raise failure
    assert caught.value is failure


def test_a_match_becomes_a_case_and_anything_else_does_not(services: Services) -> None:
    place = services.file("alice/a.png")
    with services.toolkit.examine(place) as checked:
        assert services.toolkit.act("alice", place, checked).case is None
    services.near.known[KNOWN] = Category.BASELINE
    with services.toolkit.examine(place) as checked:
        case = services.toolkit.act("alice", place, checked).case
    assert case
    assert (case.state, case.upload.customer, case.matches[0].source) == (CaseState.OBSERVED, "alice", "near")


def test_orders_are_carried_out_one_by_one_and_each_refusal_says_why(services: Services) -> None:
    services.near.known[KNOWN] = Category.BASELINE
    place = services.file("alice/a.png")
    with services.toolkit.examine(place) as checked:
        case = services.toolkit.act("alice", place, checked).case
    assert case
    orders = services.toolkit.restore(["20260101-missing", case.id], Order("me", "a wallpaper"))
    assert orders.done == (case.id,)
    assert [case_id for case_id, why in orders.refused if why] == ["20260101-missing"]
    assert services.store.get(case.id).state is CaseState.RESTORED
    assert services.toolkit.verify().ok
