"""One log, many writers, and every way that a crash, a disk or a person gets at it."""

import errno
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.audit.entries import as_line
from goodhoster.audit.log import FileAuditLog
from goodhoster.audit.verification import VerifiedPart
from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditEvent, AuditMark

WRITER = """
import sys
from pathlib import Path
from goodhoster.audit.log import FileAuditLog
from goodhoster.model.audit import AuditEvent
log = FileAuditLog(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    entry = log.append(AuditEvent("made.up", {"writer": sys.argv[3], "number": number, "pad": "x" * 500}))
    print(entry.number, flush=True)
"""


SMALL_FILES = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


@pytest.fixture
def log(file: Path) -> FileAuditLog:
    return FileAuditLog(file)


def event(number: int = 0) -> AuditEvent:
    return AuditEvent("made.up", {"number": number})


def writer(file: Path, entries: int, name: str = "w") -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(file), str(entries), name]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def numbers(file: Path) -> list[int]:
    return [json.loads(line)["n"] for line in file.read_bytes().splitlines()]


def test_an_entry_is_on_disk_and_returned_as_it_stands_there(file: Path) -> None:
    noon = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=UTC)
    log = FileAuditLog(file, lambda: noon)
    first, second = log.append(event(1)), log.append(event(2))
    assert file.read_text().splitlines()[0] == (
        '{"at":"2026-01-02T12:00:00.000005Z","data":{"number":1},"kind":"made.up","n":0,"previous":"' + "0" * 64 + '"}'
    )
    assert list(log.entries()) == [first, second]
    assert file.stat().st_mode & 0o777 == 0o600


def test_several_at_once_are_entries_like_any_other(log: FileAuditLog, file: Path) -> None:
    log.append(event(0))
    assert [entry.number for entry in log.append_all([event(1), event(2), event(3)])] == [1, 2, 3]
    assert log.append_all([]) == []
    assert FileAuditLog(file).append(event(4)).number == 4
    assert [entry.event for entry in FileAuditLog(file).entries()] == [event(n) for n in range(5)]
    assert FileAuditLog(file).verify().ok


def test_several_of_which_one_cannot_be_written_leave_nothing(log: FileAuditLog, file: Path) -> None:
    with pytest.raises(AuditError, match="too long"):
        log.append_all([event(), AuditEvent("made.up", {"text": "x" * (1 << 20)})])
    assert list(FileAuditLog(file).entries()) == []


def test_no_log_at_all_is_an_empty_one(log: FileAuditLog, file: Path) -> None:
    assert list(log.entries()) == []
    assert (log.verify().ok, log.verify().entries) == (True, 0)
    assert not file.exists()


def test_a_tail_that_another_process_is_about_to_write_for_the_first_time(file: Path) -> None:
    file.with_name("audit.log.tail").touch()
    assert FileAuditLog(file).append(AuditEvent("made.up")).number == 0


def test_processes_that_append_at_once_make_one_chain(file: Path) -> None:
    writers = [writer(file, 50, name) for name in "abcd"]
    acknowledged = [int(line) for one in writers for line in one.communicate()[0].split()]
    finding = FileAuditLog(file).verify()
    assert (finding.ok, finding.entries) == (True, 200)
    assert sorted(acknowledged) == list(range(200))


def test_threads_and_further_logs_of_a_process_make_one_chain(file: Path) -> None:
    logs = [FileAuditLog(file), FileAuditLog(file)]
    with ThreadPoolExecutor(8) as threads:
        entries = list(threads.map(lambda number: logs[number % 2].append(event(number)).number, range(100)))
    assert sorted(entries) == list(range(100))
    assert FileAuditLog(file).verify().ok


def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(
    file: Path, rounds: Callable[[int, int], int]
) -> None:
    chance = random.Random(7)
    acknowledged: list[int] = []
    for _ in range(rounds(5, 100)):
        killed = writer(file, 100_000)
        assert killed.stdout
        acknowledged.append(int(killed.stdout.readline()))
        time.sleep(chance.random() / 20)
        killed.kill()
        acknowledged += [int(line) for line in killed.communicate()[0].split("\n")[:-1]]
    FileAuditLog(file).append(event())  # says so where the last kill left half a line
    assert FileAuditLog(file).verify().ok
    assert set(acknowledged) <= set(numbers(file))
    assert len(set(acknowledged)) == len(acknowledged)


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_half_a_line_is_found_then_cut_off_and_told(log: FileAuditLog, file: Path, cut: int) -> None:
    for number in range(3):
        log.append(event(number))
    whole = file.read_bytes()
    torn = whole.splitlines(keepends=True)[-1][:cut].rstrip(b"\n")
    file.write_bytes(whole + torn)  # what a crash leaves of a fourth
    finding = FileAuditLog(file).verify()
    assert (finding.first_bad, finding.problem.partition(":")[0]) == (3, "the last line is cut off")
    assert len(list(log.entries())) == 3, "half a line is not an entry"
    log.append(event(4))
    assert [entry.event.kind for entry in log.entries()] == ["made.up"] * 3 + ["log.torn", "made.up"]
    assert list(log.entries())[3].event.data["bytes"] == len(torn)
    assert log.verify().ok


def test_a_full_disk_is_an_error_and_leaves_the_log_whole(file: Path) -> None:
    FileAuditLog(file).append(event())
    # A limit on the size of files cuts the write short in the middle, as a full disk does.
    limited = [sys.executable, "-c", SMALL_FILES + WRITER, str(file), "100", "w"]
    failed = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert "AuditError" in failed.stderr
    acknowledged = [int(line) for line in failed.stdout.split()]
    assert acknowledged
    assert numbers(file) == [0, *acknowledged]
    assert FileAuditLog(file).verify().ok
    assert FileAuditLog(file).append(event()).number == len(acknowledged) + 1


def test_a_log_that_was_removed_is_noticed_and_not_begun_anew(log: FileAuditLog, file: Path) -> None:
    log.append(event())
    file.unlink()
    for noticing in (log, FileAuditLog(file)):
        with pytest.raises(AuditError, match="is gone, with 1 entries") as caught:
            noticing.append(event())
        assert "restore it from a copy" in caught.value.hint
    file.with_name("audit.log.tail").unlink()  # with the tail, too
    with pytest.raises(AuditError, match="is gone") as caught:
        FileAuditLog(file).append(event())
    assert "accept-loss" in caught.value.hint
    assert not file.exists()


def test_a_log_that_was_removed_is_not_whole(log: FileAuditLog, file: Path) -> None:
    log.append(event())
    file.unlink()
    assert FileAuditLog(file).verify().problem == "1 entries that were written after it are gone"


def test_a_log_that_was_rotated_is_noticed(log: FileAuditLog, file: Path) -> None:
    for number in range(3):
        log.append(event(number))
    shutil.move(file, file.with_name("audit.log.1"))
    file.touch()
    for noticing in (log, FileAuditLog(file)):
        with pytest.raises(AuditError, match="is shorter than it was"):
            noticing.append(event())
    FileAuditLog(file.with_name("other")).append(event())
    shutil.copy(file.with_name("other"), file)
    os.truncate(file, file.with_name("audit.log.1").stat().st_size)
    for noticing in (log, FileAuditLog(file)):
        with pytest.raises(AuditError, match="is another one than it was"):
            noticing.append(event())


def test_trying_again_and_again_keeps_nothing_open(log: FileAuditLog, file: Path) -> None:
    log.append(event())
    for damage in (lambda: file.write_bytes(b""), lambda: file.write_bytes(b"x" * 1000), file.unlink):
        damage()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with pytest.raises(AuditError):
                log.append(event())
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_faithful_copy_in_its_place_goes_on(log: FileAuditLog, file: Path) -> None:
    log.append(event(1))
    copy = file.with_name("copy")
    shutil.copy(file, copy)
    copy.replace(file)
    assert log.append(event(2)).number == 1
    assert log.verify().ok


def test_a_forged_entry_after_the_end_is_not_written_after(log: FileAuditLog, file: Path) -> None:
    log.append(event(1))
    with file.open("ab") as opened:
        opened.write(file.read_bytes())
    for noticing in (log, FileAuditLog(file)):
        with pytest.raises(AuditError, match="line 2: not bound to the entry before it"):
            noticing.append(event())


def test_without_its_tail_the_log_is_read_to_its_end(log: FileAuditLog, file: Path) -> None:
    for number in range(3):
        log.append(event(number))
    file.with_name("audit.log.tail").unlink()
    assert FileAuditLog(file).append(event()).number == 3
    assert log.verify().ok


def test_a_damaged_tail_stops_writing_and_is_a_finding(log: FileAuditLog, file: Path) -> None:
    log.append(event())
    tail = file.with_name("audit.log.tail")
    tail.write_text("{}")
    with pytest.raises(AuditError, match="does not say where the audit log ends") as caught:
        FileAuditLog(file).append(event())
    assert str(tail) in caught.value.hint
    assert not FileAuditLog(file).verify().ok


def test_a_tail_that_is_behind_after_a_crash_catches_up(log: FileAuditLog, file: Path) -> None:
    log.append(event(1))
    tail = file.with_name("audit.log.tail")
    behind = tail.read_bytes()
    log.append(event(2))
    tail.write_bytes(behind)
    assert FileAuditLog(file).verify().ok
    assert FileAuditLog(file).append(event(3)).number == 2
    assert log.append(event(4)).number == 3


def test_a_link_in_the_place_of_the_log_is_not_written_through(file: Path) -> None:
    victim = file.with_name("victim")
    victim.write_text("mine")
    file.symlink_to(victim)
    with pytest.raises(AuditError, match="cannot be written"):
        FileAuditLog(file).append(event())
    assert victim.read_text() == "mine"


def test_an_entry_that_nobody_could_read_back_is_not_written(log: FileAuditLog, file: Path) -> None:
    log.append(event())
    with pytest.raises(AuditError, match="too long for the audit log"):
        log.append(AuditEvent("made.up", {"text": "x" * (1 << 20)}))
    assert len(numbers(file)) == 1


def test_an_endless_line_is_a_finding_in_bounded_memory(log: FileAuditLog, file: Path) -> None:
    log.append(event())
    with file.open("ab") as opened:
        opened.truncate(50 << 30)  # sparse: fifty gigabytes of zeros
    assert log.verify().first_bad == 1
    with pytest.raises(AuditError, match="line 2"):
        log.append(event())


def test_a_reader_without_leave_to_write_can_verify(log: FileAuditLog, file: Path) -> None:
    log.append(event())
    file.chmod(0o400)
    file.parent.chmod(0o500)
    try:
        assert log.verify().ok
    finally:
        file.parent.chmod(0o700)


def test_a_sync_that_fails_acknowledges_nothing_and_takes_all_of_it_back(
    log: FileAuditLog, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FileAuditLog(file)
    assert [log.append(event(0)).number, other.append(event(1)).number] == [0, 1]
    sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", failing_with(errno.EIO))
    for writing in (log, other):
        with pytest.raises(AuditError, match="cannot be written: Input/output error") as caught:
            writing.append_all([event(8), event(9)])
        assert "nothing is done without it" in caught.value.hint
    assert numbers(file) == [0, 1]
    monkeypatch.setattr(os, "fdatasync", sync)
    assert [other.append(event(2)).number, log.append(event(3)).number] == [2, 3]
    assert [entry.event for entry in FileAuditLog(file).entries()] == [event(number) for number in range(4)]
    assert FileAuditLog(file).verify().ok


def test_a_sync_that_fails_fails_everybody_who_waited_for_it(
    log: FileAuditLog, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = [log, FileAuditLog(file), FileAuditLog(file)]
    for number, each in enumerate(logs):
        each.append(event(number))
    chance, sync = random.Random(3), os.fdatasync
    fails = threading.Event()

    def now_and_then(fd: int) -> None:
        time.sleep(0.001)
        if fails.is_set() and chance.random() < 0.3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(fd)

    def one(number: int) -> int | None:
        try:
            return logs[number % 3].append(event(number)).number
        except AuditError:
            return None

    monkeypatch.setattr(os, "fdatasync", now_and_then)
    fails.set()
    with ThreadPoolExecutor(16) as threads:
        acknowledged = list(threads.map(one, range(3, 303)))
    assert None in acknowledged
    fails.clear()
    assert FileAuditLog(file).append(event(999)).number == len(numbers(file)) - 1
    assert FileAuditLog(file).verify().ok
    written = {entry.number: entry.event for entry in FileAuditLog(file).entries()}
    for number, entry in enumerate(acknowledged, 3):
        assert entry is None or written[entry] == event(number)


def failing_with(number: int) -> Callable[[int], None]:
    def fail(_fd: int) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_many_callers_share_a_sync(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = [FileAuditLog(file), FileAuditLog(file)]  # as in two processes
    sync, syncs = os.fdatasync, []

    def counted(fd: int) -> None:
        syncs.append(fd)
        time.sleep(0.05)  # so long that others come meanwhile, also where each of them takes its time
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", counted)
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(lambda number: logs[number % 2].append(event(number)), range(320)))
    assert FileAuditLog(file).verify().entries == 320
    assert len(syncs) < 160


def test_a_forked_child_and_its_parent_make_one_chain(log: FileAuditLog, file: Path) -> None:
    log.append(event())
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            for number in range(30):
                log.append(event(number))
            os._exit(0)
        children.append(child)
    for number in range(30):
        log.append(event(number))
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert (log.verify().ok, log.verify().entries) == (True, 121)


def test_a_clock_that_was_set_back_is_told_once_and_found(file: Path) -> None:
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    times = iter(noon + timedelta(seconds=seconds) for seconds in (0, 5, 4.5, 1, 2, 60))
    log = FileAuditLog(file, lambda: next(times))
    entries = log.append_all([event(0), event(1), event(2)])
    entries += FileAuditLog(file, lambda: next(times)).append_all([event(3), event(4), event(5)])
    assert [entry.number for entry in entries] == [0, 1, 2, 4, 5, 6], "half a second is what time servers correct"
    told = list(log.entries())[3]
    assert told.event == AuditEvent(
        "log.clock-set-back", {"before": "2026-01-02T12:00:04.500000Z", "now": "2026-01-02T12:00:01.000000Z"}
    )
    assert (log.verify().ok, log.verify().clock_set_back) == (True, (3,))


def test_a_log_and_all_that_remembers_it_gone_is_not_whole_to_who_knows_better(log: FileAuditLog) -> None:
    assert log.verify().ok
    gone = log.verify(at_least=3)
    assert (gone.ok, gone.first_bad, gone.problem) == (
        False,
        0,
        "0 entries are there, and the record knows of at least 3",
    )
    log.append_all([event(number) for number in range(3)])
    assert log.verify(at_least=3).ok


def test_a_checkpoint_is_compared_whatever_its_size(log: FileAuditLog) -> None:
    marks = []
    for number in range(9):
        marks.append(AuditMark(number, bytes.fromhex(log.verify().root), f"mark {number}"))
        log.append(event(number))
    assert log.verify(marks).ok
    for mark in marks:
        other = AuditMark(mark.entries, bytes(32), mark.where)
        found = log.verify([other])
        assert found.problem == f"rewritten: its first {mark.entries} entries are not those of {mark.where}"
    assert log.verify([AuditMark(10, bytes(32), "mark 10")]).problem.startswith("rolled back: by mark 10")


def test_each_alteration_of_a_log_is_found(file: Path, rounds: Callable[[int, int], int]) -> None:
    log = FileAuditLog(file)
    log.append_all([event(number) for number in range(12)])
    content, chance = file.read_bytes(), random.Random(11)
    lines = content.splitlines(keepends=True)
    for number in range(rounds(1000, 10_000)):
        altered, rows = bytearray(content), list(lines)
        match number % 5:
            case 0:
                altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8)
            case 1:
                del rows[chance.randrange(len(rows))]
                altered = bytearray(b"".join(rows))
            case 2:
                a, b = chance.sample(range(len(rows)), 2)
                rows[a], rows[b] = rows[b], rows[a]
                altered = bytearray(b"".join(rows))
            case 3:
                del altered[chance.randrange(len(altered)) :]
            case 4:
                place = chance.randrange(len(altered))
                altered[place:place] = altered[place : place + chance.randrange(1, 80)]
        file.write_bytes(altered)
        assert not log.verify().ok, altered
    file.write_bytes(content)
    assert log.verify().ok


def test_an_entry_with_another_number_is_found_although_it_is_bound_to_the_one_before(
    log: FileAuditLog, file: Path
) -> None:
    """As somebody makes it who computes the rest of the chain anew, where nothing remembers the end."""
    last = log.append_all([event(number) for number in range(3)])[-1]
    lines = file.read_bytes().splitlines(keepends=True)
    file.with_name(f"{file.name}.tail").unlink()
    file.write_bytes(b"".join(lines[:2]) + as_line(replace(last, number=7)) + b"\n")
    found = FileAuditLog(file).verify()
    assert (found.first_bad, found.problem) == (2, "numbered 7 where 2 belongs")


def test_a_verification_goes_on_behind_what_was_verified(log: FileAuditLog) -> None:
    log.append_all([event(n) for n in range(21)])
    before, part = log.verify_behind(VerifiedPart())
    mark = AuditMark(21, bytes.fromhex(before.root), "a mark at its end")
    log.append_all([event(n) for n in range(14)])
    finding, on = log.verify_behind(part, [AuditMark(20, b"not compared", "a mark inside"), mark])
    assert (finding, finding.entries) == (log.verify(), 35)
    assert log.verify_behind(on) == (finding, on)
    wrong = AuditMark(21, b"another root", "a wrong mark")
    assert "rewritten" in log.verify_behind(part, [wrong])[0].problem


def test_nothing_new_is_whole_and_the_end_is_compared_all_the_same(log: FileAuditLog, file: Path) -> None:
    log.append_all([event(n) for n in range(5)])
    _, part = log.verify_behind(VerifiedPart())
    assert log.verify_behind(part)[0].ok
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    assert "verified before" in log.verify_behind(part)[0].problem
    file.unlink()
    assert "verified before" in log.verify_behind(part)[0].problem


def test_a_change_behind_the_verified_part_is_found(log: FileAuditLog, file: Path) -> None:
    log.append_all([event(n) for n in range(5)])
    _, part = log.verify_behind(VerifiedPart())
    log.append_all([event(n) for n in range(100, 105)])
    file.write_bytes(file.read_bytes().replace(b'"number":102', b'"number":902'))
    finding, on = log.verify_behind(part)
    assert (finding.ok, finding.first_bad) == (False, 8)
    assert on.end.entries == 8


def test_what_was_verified_once_is_read_again_when_all_is_verified(log: FileAuditLog, file: Path) -> None:
    log.append_all([event(n) for n in range(100, 105)])
    _, part = log.verify_behind(VerifiedPart())
    file.write_bytes(file.read_bytes().replace(b'"number":102', b'"number":902'))
    assert log.verify_behind(part)[0].ok  # why the whole log is read once a week
    assert log.verify().first_bad == 3


def test_a_long_verification_pauses_and_can_be_broken_off(log: FileAuditLog) -> None:
    log.append_all([event(n) for n in range(4100)])
    pauses: list[int] = []
    assert log.verify_behind(VerifiedPart(), between=lambda: pauses.append(1))[0].ok
    assert len(pauses) == 2

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        log.verify_behind(VerifiedPart(), between=stop)
