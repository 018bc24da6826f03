"""The durable queue: who gets what when, what a newer hint does to a check under way, and what a crash leaves."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError, IndexUnavailableError
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.uploads import Content, Fault, FileState, Place
from goodhoster.model.verdicts import Category, ContentKind, Match, Verdict, VerdictKind
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.uploads.clock_steps import ClockReading
from goodhoster.uploads.index import Arrival, Job, Priority, UploadIndex
from goodhoster.uploads.queue import MOST_OF_ONE

NOW = 1_000_000.0
STATE = FileState(dev=1, ino=2, size=3, mtime_ns=4, ctime_ns=5)
PDQ = Fingerprint(FingerprintKind.PDQ, bytes(32), 70, (b"\1" * 32,))
MEMBERS = (made_up("one").digests, made_up("two").digests)
CONTENT = Content(made_up("content").digests, ContentKind.IMAGE, 3, (PDQ,), MEMBERS)
CLEAR = Verdict(VerdictKind.CLEAR)
KNOWN = Verdict(VerdictKind.KNOWN, (Match("list", "sha1", Category.ILLEGAL),))
UNCHECKED = Verdict(VerdictKind.UNCHECKED, reason="timeout", detail="no answer")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "index.sqlite"


@pytest.fixture
def index(file: Path) -> Iterator[UploadIndex]:
    index = UploadIndex(file)
    yield index
    index.close()


def place(path: bytes = b"alice/a.jpg", tree: bytes = b"/srv") -> Place:
    return Place(tree, path)


def arrival(path: bytes = b"alice/a.jpg", due: float = NOW, priority: Priority = Priority.FRESH) -> Arrival:
    return Arrival(place(path), path.partition(b"/")[0].decode(errors="replace"), due, priority)


def taken(index: UploadIndex, now: float = NOW, count: int = 100) -> list[bytes]:
    return [job.place.path for job in index.take(now, count)]


def test_files_whose_path_begins_so(index: UploadIndex) -> None:
    names = (b"p-1.jpg", b"p-\xff\xff.jpg", b"p.jpg", b"q-1.jpg", b"p-folder/p-1.jpg")
    index.expect([arrival(b"alice/" + name) for name in names] + [arrival(b"bob/p-1.jpg")], NOW)
    found = index.beginning_with(place(b"alice/p-"))
    assert sorted(found, key=str) == sorted([(place(b"alice/" + name), "alice") for name in names[:2]], key=str)
    assert index.beginning_with(place(b"nobody/p-")) == []


def all_there_is(index: UploadIndex) -> Iterator[bytes]:
    while jobs := index.take(NOW, 100):
        for job in jobs:
            index.settle(job)
            yield job.place.path


def only(index: UploadIndex, now: float = NOW) -> Job:
    (job,) = index.take(now, 100)
    return job


def has_verdict(
    index: UploadIndex, state: FileState = STATE, path: bytes = b"alice/a.jpg", tree: bytes = b"/srv"
) -> bool:
    """Or waits for one."""
    directory, name = os.path.split(path)
    return index.inventory.compare(tree, directory, {name: state}).unsettled == []


def settled(index: UploadIndex, path: bytes, verdict: Verdict, state: FileState = STATE) -> None:
    index.expect([arrival(path)], NOW)
    job = only(index)
    index.record(job, (state, CONTENT), verdict, NOW)
    index.settle(job)


def test_a_customer_with_too_much_in_hand_is_passed_over_and_others_are_taken(index: UploadIndex) -> None:
    """However much of the one waits, and however often the other comes."""
    index.expect([arrival(b"alice/%d.jpg" % number) for number in range(1000)], NOW)
    held = index.take(NOW, 200)
    assert len(held) == MOST_OF_ONE
    for number in range(400):
        index.expect([arrival(b"bob/%d.jpg" % number)], NOW)
        job = only(index)
        assert job.place.path == b"bob/%d.jpg" % number
        index.settle(job)
    index.give_back(held[0])
    assert taken(index) == [held[0].place.path]


def test_what_changed_in_a_workers_hand_is_checked_again(index: UploadIndex) -> None:
    """It may have been read before it changed, and no event may tell (truncate by path under fanotify)."""
    index.expect([arrival()], NOW)
    assert has_verdict(index)
    job = only(index)
    assert not has_verdict(index)
    index.record(job, (STATE, CONTENT), CLEAR, NOW)
    assert has_verdict(index)
    assert not has_verdict(index, replace(STATE, size=1))
    index.give_back(job)
    assert has_verdict(index, replace(STATE, size=1))


def test_a_place_is_handed_out_once_until_it_is_given_back(index: UploadIndex) -> None:
    index.expect([arrival()], NOW)
    job = only(index)
    assert (job.place, job.customer, job.tries, job.remembered, job.verdict) == (place(), "alice", 0, None, None)
    assert taken(index) == []
    index.give_back(job)
    assert only(index) == job


def test_fresh_uploads_come_before_what_a_scan_found_and_older_before_newer(index: UploadIndex) -> None:
    index.expect(
        [arrival(b"c/scan", NOW - 9, Priority.RECONCILE), arrival(b"c/new", NOW - 1), arrival(b"c/old", NOW - 2)], NOW
    )
    assert taken(index) == [b"c/old", b"c/new", b"c/scan"]


def test_what_is_ordered_comes_before_a_hundred_thousand_others_of_its_own_customer_too(index: UploadIndex) -> None:
    index.expect([arrival(b"alice/%d" % n, priority=Priority.BACKFILL) for n in range(100_000)], NOW)
    index.expect([arrival(b"bob/fresh.jpg")], NOW)
    assert len(taken(index, count=100)) == MOST_OF_ONE + 1, "alice has all in hand that she may"
    index.expect([arrival(b"alice/99999", priority=Priority.ORDERED)], NOW)
    assert taken(index, count=1) == [b"alice/99999"]


def test_what_is_ordered_is_bounded_too(index: UploadIndex) -> None:
    index.expect([arrival(b"alice/%d" % n, priority=Priority.ORDERED) for n in range(1000)], NOW)
    assert sum(len(taken(index, count=100)) for _ in range(10)) == 2 * MOST_OF_ONE


def test_what_is_not_due_waits(index: UploadIndex) -> None:
    index.expect([arrival(due=NOW + 2)], NOW)
    assert taken(index, NOW + 1.9) == []
    assert taken(index, NOW + 2) == [b"alice/a.jpg"]


def test_no_more_are_handed_out_than_asked_for(index: UploadIndex) -> None:
    index.expect([arrival(b"a/%d" % number) for number in range(10)], NOW)
    first, second = taken(index, count=4), taken(index, count=100)
    assert (len(first), len(second)) == (4, 6)
    assert not set(first) & set(second)


def test_a_settled_place_waits_no_longer_and_is_checked_in_that_state_only(index: UploadIndex) -> None:
    settled(index, b"alice/a.jpg", CLEAR)
    assert taken(index) == []
    assert has_verdict(index)
    changes: list[dict[str, int]] = [{"ino": 9}, {"size": 9}, {"mtime_ns": 9}, {"ctime_ns": 9}]
    assert not any(has_verdict(index, replace(STATE, **change)) for change in changes)
    assert has_verdict(index, replace(STATE, dev=9)), "disks are numbered anew at each start of the machine"
    assert not has_verdict(index, path=b"alice/b.jpg")
    assert not has_verdict(index, tree=b"/other")


def test_what_waits_already_need_not_be_queued_again(index: UploadIndex) -> None:
    index.expect([arrival()], NOW)
    assert has_verdict(index)


def test_a_hint_during_a_check_makes_the_place_wait_again(index: UploadIndex) -> None:
    index.expect([arrival()], NOW)
    job = only(index)
    index.expect([arrival()], NOW)
    index.record(job, (STATE, CONTENT), CLEAR, NOW)
    index.settle(job)
    assert only(index).place == job.place


def test_what_a_check_found_is_kept_when_a_hint_came_and_the_file_is_gone(index: UploadIndex) -> None:
    """A hint while it was taken offline: the next look finds nothing, and the trace of it must not be lost."""
    index.expect([arrival()], NOW)
    job = only(index)
    index.expect([arrival()], NOW)
    index.record(job, (STATE, CONTENT), KNOWN, NOW)
    index.settle(job)
    index.forget(only(index))
    assert index.figures().verdicts == {"known": 1}
    assert taken(index) == []


@pytest.mark.parametrize("end", ["retry", "forget"])
def test_a_hint_during_a_check_is_not_put_off_or_forgotten(index: UploadIndex, end: str) -> None:
    index.expect([arrival()], NOW)
    job = only(index)
    index.expect([arrival()], NOW)
    if end == "retry":
        index.retry(job, NOW + 3600)
    else:
        index.forget(job)
    assert only(index).tries == 0


def test_a_retry_waits_and_counts_and_remembers_what_was_read(index: UploadIndex) -> None:
    index.expect([arrival()], NOW)
    job = only(index)
    index.record(job, (STATE, CONTENT), UNCHECKED, NOW)
    index.retry(job, NOW + 10)
    assert taken(index, NOW + 9) == []
    again = only(index, NOW + 10)
    assert (again.tries, again.remembered, again.verdict) == (1, (STATE, CONTENT), VerdictKind.UNCHECKED)
    assert again.since == NOW


def test_a_row_of_an_earlier_version_keeps_the_fingerprints_that_are_still_taken(index: UploadIndex) -> None:
    """dHash was taken once."""
    index.expect([arrival()], NOW)
    job = only(index)
    index.record(job, (STATE, CONTENT), UNCHECKED, NOW)
    add = "UPDATE uploads SET fingerprints = trim(fingerprints || ' dhash:100:0011223344556677')"
    index.database.run(lambda db: db.execute(add))
    index.retry(job, NOW)
    assert only(index, NOW).remembered == (STATE, CONTENT)


def test_what_was_not_enough_for_a_source_is_read_again(index: UploadIndex) -> None:
    index.expect([arrival()], NOW)
    job = only(index)
    index.record(job, (STATE, CONTENT), replace(UNCHECKED, reason="not-askable"), NOW)
    index.retry(job, NOW)
    assert only(index, NOW).remembered is None


def test_what_could_not_be_opened_is_opened_again(index: UploadIndex) -> None:
    index.expect([arrival()], NOW)
    job = only(index)
    index.record(job, (STATE, replace(CONTENT, fault=Fault("opening-crashed"))), UNCHECKED, NOW)
    index.retry(job, NOW)
    assert only(index, NOW).remembered is None


def test_a_new_hint_ends_the_waiting_of_a_retry(index: UploadIndex) -> None:
    index.expect([arrival()], NOW)
    index.retry(only(index), NOW + 3600)
    index.expect([arrival()], NOW)
    assert only(index).tries == 0


def test_a_scan_does_not_make_a_fresh_upload_less_urgent(index: UploadIndex) -> None:
    index.expect([arrival(b"b/scan", NOW - 5, Priority.RECONCILE), arrival(b"a/fresh")], NOW)
    index.expect([arrival(b"a/fresh", NOW, Priority.RECONCILE)], NOW)
    assert taken(index) == [b"a/fresh", b"b/scan"]


def test_when_a_source_answers_again_what_waits_for_a_retry_is_due(index: UploadIndex) -> None:
    index.expect([arrival(b"a/failed"), arrival(b"a/settling", NOW + 2)], NOW)
    index.retry(only(index), NOW + 3600)
    assert index.wake(NOW) == 1
    assert taken(index) == [b"a/failed"]


def test_what_waits_for_its_own_fault_is_not_woken_by_a_source(index: UploadIndex) -> None:
    """Each broken picture was opened again after each outage, and a slow one held up whoever waited for a source."""
    broken = (STATE, replace(CONTENT, fault=Fault("broken-picture")))
    for path, verdict in ((b"a/broken", replace(UNCHECKED, reason="broken-picture")), (b"a/unasked", UNCHECKED)):
        index.expect([arrival(path)], NOW)
        job = only(index)
        index.record(job, broken, verdict, NOW)
        index.retry(job, NOW + 3600)
    assert index.wake(NOW) == 1
    assert taken(index) == [b"a/unasked"]


def test_a_file_that_is_gone_is_forgotten_but_a_known_one_leaves_its_trace(index: UploadIndex) -> None:
    for path, verdict in ((b"a/clear", CLEAR), (b"a/known", KNOWN)):
        settled(index, path, verdict)
        index.expect([arrival(path)], NOW)
        index.forget(only(index))
    assert index.figures().verdicts == {"known": 1}
    assert index.figures().waiting == 0


def test_figures_count_what_waits_and_why_it_is_unchecked(index: UploadIndex) -> None:
    settled(index, b"a/1", CLEAR)
    settled(index, b"a/2", KNOWN)
    index.expect([arrival(b"a/3")], NOW - 60)
    job = only(index)
    index.record(job, (None, None), UNCHECKED, NOW)
    index.retry(job, NOW + 60)
    figures = index.figures()
    assert (figures.waiting, figures.oldest) == (1, NOW - 60)
    assert figures.verdicts == {"clear": 1, "known": 1, "unchecked": 1}
    assert figures.reasons == {"timeout": 1}


def test_counts_below_a_directory_are_of_that_directory_only(index: UploadIndex) -> None:
    for path in (b"a/1", b"a/b/2", b"a-b/3", b"a0/4", b"ab/5", b"\xff\xff/6"):
        settled(index, path, CLEAR)
    assert index.verdict_counts_below(b"/srv", b"a") == {"clear": 2}
    assert index.verdict_counts_below(b"/srv", b"a/b") == {"clear": 1}
    assert index.verdict_counts_below(b"/srv") == {"clear": 6}
    assert index.verdict_counts_below(b"/other") == {}


@pytest.mark.parametrize(
    "state",
    [
        replace(STATE, ino=2**64 - 1),
        replace(STATE, mtime_ns=-(10**18)),
        replace(STATE, mtime_ns=15 * 10**18),  # year 2445, as far as ext4 goes
        replace(STATE, mtime_ns=10**25),  # tmpfs and btrfs go further
        replace(STATE, ctime_ns=2**63),
    ],
    ids=["inode", "before-1970", "year-2445", "far-future", "ctime"],
)
def test_any_state_that_a_file_system_reports_can_be_kept(index: UploadIndex, state: FileState) -> None:
    settled(index, b"alice/a.jpg", CLEAR, state)
    assert has_verdict(index, state)
    assert not has_verdict(index, replace(state, mtime_ns=state.mtime_ns + 1))


@pytest.mark.parametrize("path", [b"\xff\n\0x", b"a/" + b"n" * 255, b"d/" * 5000 + b"f"])
def test_any_path_can_be_kept(index: UploadIndex, path: bytes) -> None:
    index.expect([Arrival(place(path), "c", NOW, Priority.FRESH)], NOW)
    assert taken(index) == [path]


@pytest.mark.parametrize("end", ["settle", "retry", "forget"])
def test_a_job_whose_end_cannot_be_written_waits_on_as_it_was(index: UploadIndex, end: str) -> None:
    index.expect([arrival()], NOW)
    job = only(index)
    index.database._db.execute("PRAGMA query_only = 1")  # SQLite's own refusal, in place of that of a full disk
    with pytest.raises(IndexUnavailableError, match="readonly"):
        {"settle": index.settle, "retry": lambda job: index.retry(job, NOW), "forget": index.forget}[end](job)
    index.database._db.execute("PRAGMA query_only = 0")
    assert only(index) == job


QUEUER = """
import sys
from pathlib import Path
from goodhoster.model.uploads import Place
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
index = UploadIndex(Path(sys.argv[1]))
for number in range(100_000):
    name = b"%s/%d" % (sys.argv[2].encode(), number)
    index.expect([Arrival(Place(b"/srv", name), "c", 0.0, Priority.FRESH)], 0.0)
    print(name.decode(), flush=True)
"""


def test_kill_9_loses_nothing_that_was_queued(file: Path, rounds: Callable[[int, int], int]) -> None:
    chance, queued = random.Random(11), set()
    for attempt in range(rounds(3, 50)):
        queuer = [sys.executable, "-c", QUEUER, str(file), f"r{attempt}"]
        with subprocess.Popen(queuer, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            queued.add(os.fsencode(process.stdout.readline().rstrip()))
            time.sleep(chance.random() / 10)
            process.kill()
            queued |= {os.fsencode(line) for line in process.stdout.read().split("\n")[:-1]}
    index = UploadIndex(file)
    assert queued <= set(all_there_is(index))
    index.close()


def test_two_processes_queue_side_by_side(file: Path, index: UploadIndex) -> None:
    index.expect([arrival(b"ours/1")], NOW)
    queuer = [sys.executable, "-c", QUEUER.replace("100_000", "20"), str(file), "theirs"]
    subprocess.run(queuer, check=True, stdout=subprocess.DEVNULL)
    assert len(taken(index)) == 21


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_index_is_set_aside_and_an_empty_one_takes_its_place(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    index = UploadIndex(file)
    index.expect([arrival()], NOW)
    assert taken(index) == [b"alice/a.jpg"]
    assert file.with_name("index.sqlite.damaged").read_bytes() == content
    index.close()


def test_an_index_of_another_version_is_left_alone(file: Path, index: UploadIndex) -> None:
    index.database._db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match="its format is 99"):
        UploadIndex(file)


@pytest.mark.parametrize("state", [1, 2])
def test_counting_what_waits_looks_up_no_row(index: UploadIndex, state: int) -> None:
    """It is done every second, and a million may wait."""
    query = f"EXPLAIN QUERY PLAN SELECT count(*) FROM uploads WHERE waiting = {state}"  # noqa: S608 - a number of ours
    ((*_, plan),) = index.database.run(lambda db: db.execute(query).fetchall())
    assert "USING COVERING INDEX" in plan


BOOT = ClockReading("this boot", 1_000.0)
DAY = 86400.0


@pytest.fixture
def clock() -> list[ClockReading]:
    """How the system's clock stands; a test sets it."""
    return [BOOT]


@pytest.fixture
def clocked(file: Path, clock: list[ClockReading]) -> Iterator[UploadIndex]:
    index = UploadIndex(file, clock=lambda: clock[0])
    yield index
    index.close()


def deferred(index: UploadIndex, due: float) -> None:
    index.expect([arrival()], NOW)
    index.retry(only(index), due)


@pytest.mark.parametrize("wait", [2.5 * 3600, DAY, DAY + 300])
def test_a_wait_of_hours_is_waited_for(clocked: UploadIndex, wait: float) -> None:
    """What could not be opened was read again hundreds of times a second: a long wait passed for a clock set back."""
    deferred(clocked, NOW + wait)
    assert taken(clocked, NOW + 1) == []
    assert taken(clocked, NOW + wait - 1) == []
    assert taken(clocked, NOW + wait) == [b"alice/a.jpg"]


@pytest.mark.parametrize("step", [-50 * 60, -DAY, 3600.0, 10 * DAY])
def test_a_clock_that_is_set_neither_delays_nor_hastens_what_waits(
    clocked: UploadIndex, clock: list[ClockReading], step: float
) -> None:
    deferred(clocked, NOW + 3 * 3600)
    clock[0] = replace(BOOT, ahead=BOOT.ahead + step)
    assert taken(clocked, NOW + step + 3 * 3600 - 1) == []
    assert taken(clocked, NOW + step + 3 * 3600 + 1) == [b"alice/a.jpg"]


def test_a_clock_set_while_nothing_ran_is_noticed(file: Path, clocked: UploadIndex) -> None:
    deferred(clocked, NOW + 3 * 3600)
    back = replace(BOOT, ahead=BOOT.ahead - DAY)
    both = [UploadIndex(file, clock=lambda: back) for _ in range(2)]
    assert [taken(index, NOW - DAY + 3 * 3600 - 1) for index in both] == [[], []], "and moved by one of them alone"
    assert taken(both[1], NOW - DAY + 3 * 3600) == [b"alice/a.jpg"]
    for index in both:
        index.close()


def test_after_a_restart_of_the_machine_nothing_is_put_off_any_longer(
    clocked: UploadIndex, clock: list[ClockReading]
) -> None:
    """Its clock may show 1970: how far off that is nobody can tell."""
    deferred(clocked, NOW + 3 * 3600)
    clock[0] = ClockReading("the next boot", 0.0)
    assert taken(clocked, 60.0) == [b"alice/a.jpg"]


def test_a_clock_set_back_does_not_keep_a_busy_file_from_being_checked(
    clocked: UploadIndex, clock: list[ClockReading]
) -> None:
    """A minute after its first hint it is, however often it is written to."""
    busy = Arrival(place(), "alice", NOW + 2, Priority.FRESH, quiet=2.0)
    clocked.expect([busy], NOW)
    clock[0] = replace(BOOT, ahead=BOOT.ahead - 3000)
    assert taken(clocked, NOW - 3000 + 1) == []
    clocked.expect([replace(busy, due=NOW - 3000 + 63)], NOW - 3000 + 61)
    assert taken(clocked, NOW - 3000 + 61) == [b"alice/a.jpg"]


@pytest.mark.parametrize("behind", [2 * 3600.0, 30 * DAY, 400 * DAY])
@pytest.mark.parametrize("step", [0.0, 1_795_974_045.0, -1_795_974_045.0], ids=["unseen", "too far", "too far back"])
def test_what_a_wrong_clock_put_off_is_due_when_it_is_right(
    file: Path, clocked: UploadIndex, behind: float, step: float
) -> None:
    """Its monotonic clock was wrong as well, and the move carried the row sixty years on: it was never checked."""
    now = NOW + 500 * DAY
    clocked.expect([Arrival(place(), "alice", now - behind + 2, Priority.FRESH, quiet=2.0)], now - behind)
    right = UploadIndex(file, clock=lambda: replace(BOOT, ahead=BOOT.ahead + step))
    assert taken(right, now) == [b"alice/a.jpg"]
    assert 0 < (right.figures().oldest or 0) <= now
    right.close()


@pytest.mark.parametrize("boot", ["this boot", "the next boot"])
@pytest.mark.parametrize("ahead", [30 * DAY, 400 * DAY])
def test_what_was_put_off_by_a_clock_that_was_ahead_is_due(
    file: Path, clocked: UploadIndex, ahead: float, boot: str
) -> None:
    clocked.expect([arrival()], NOW + ahead)
    clocked.retry(only(clocked, NOW + ahead), NOW + ahead + 3600)
    right = UploadIndex(file, clock=lambda: ClockReading(boot, BOOT.ahead))
    right.expect([], NOW)
    assert taken(right, NOW) == [b"alice/a.jpg"]
    right.close()


def test_the_oldest_age_counts_at_least_from_when_the_clock_was_seen_to_be_wrong(
    file: Path, clocked: UploadIndex
) -> None:
    clocked.expect([arrival()], NOW + 400 * DAY)
    right = UploadIndex(file, clock=lambda: ClockReading("the next boot", 0.0))
    right.expect([], NOW)
    assert right.figures().oldest == NOW
    right.close()
