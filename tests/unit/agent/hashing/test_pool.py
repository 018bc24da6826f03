"""A worker may hang, lie or die: that costs it alone, and the file its second try."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.checking.digests import read_content
from goodhoster.checking.hasher import DirectHasher
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import POSTPONED
from goodhoster.testing.drawn import drawn, encoded, every_format, jpeg
from goodhoster.testing.hostile import slow_archive
from goodhoster.testing.suites.hasher import opened, read
from goodhoster_agent.hashing.pool import HashingPool
from goodhoster_agent.hashing.worker_handle import Worker, WorkerLostError

LIMITS = ReadingLimits()


SLOW = slow_archive(sixteenths=50)


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    """With patience: on a busy machine what is meant to be slow must not become too slow."""
    pool = HashingPool(replace(LIMITS, seconds=300.0), 1)
    yield pool
    pool.close()


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(LIMITS)
    yield worker
    worker.stop()


def test_the_sandbox_changes_no_result_of_any_format(pool: HashingPool) -> None:
    for name, file in every_format(21, (160, 120)).items():
        content = read(pool, file)
        assert content == read(DirectHasher(LIMITS), file), name
        assert content.fingerprints, name
    assert pool.lost == 0


def test_the_sandbox_is_whole_on_this_machine(worker: Worker) -> None:
    status = Path(f"/proc/{worker.pid}/status").read_text()
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert worker.missing == []
    assert (told["Seccomp"], told["NoNewPrivs"]) == ("2", "1")
    assert {told[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert "0" not in told["Uid"].split()


def test_one_process_reads_one_file_after_the_other(pool: HashingPool) -> None:
    for seed in range(3):
        assert read(pool, jpeg(seed)).fault is None
    assert [worker.files for worker in pool._idle] == [3]


def test_a_file_that_needs_no_opening_starts_no_process(pool: HashingPool) -> None:
    assert read(pool, b"a text").fault is None
    assert pool._idle == []


def test_a_worker_killed_between_two_files_costs_nothing(pool: HashingPool) -> None:
    read(pool, jpeg(1))
    os.kill(pool._idle[0].pid, signal.SIGKILL)
    assert read(pool, jpeg(2)).fault is None
    assert pool.lost == 1


def test_all_workers_killed_between_two_files_cost_no_file_its_tries() -> None:
    pool = HashingPool(LIMITS, 3)
    pool.warm()
    for worker in pool._idle:
        os.kill(worker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    assert read(pool, jpeg(2)).fault is None
    assert pool.lost == 3
    pool.close()


def test_a_worker_that_hangs_is_ended_and_the_digests_count() -> None:
    pool = HashingPool(replace(LIMITS, seconds=0.001), 1)
    large = jpeg(3, (6000, 4000))
    content = read(pool, large)
    assert content.fault
    assert content.fault.reason == "opening-too-slow"
    assert content.digests.sha256 == hashlib.sha256(large).digest()
    assert (pool.lost, pool._idle) == (2, [])
    pool.close()


def test_a_worker_that_stands_still_is_noticed(worker: Worker) -> None:
    worker._limits = replace(LIMITS, seconds=0.2)
    os.kill(worker.pid, signal.SIGSTOP)
    started = time.monotonic()
    with opened(jpeg(1)) as fd, pytest.raises(WorkerLostError) as lost:
        worker.open(fd, read_content(fd, 1 << 20))
    assert lost.value.reason == "opening-too-slow"
    assert time.monotonic() - started < 120


@pytest.mark.slow
def test_too_little_memory_is_a_fault_and_not_the_end() -> None:
    small = Worker(replace(LIMITS, memory=1 << 26))
    with opened(encoded(drawn(1, (6000, 5000)), "BMP")) as fd:
        content = small.open(fd, read_content(fd, 1 << 30))
        assert content.fault
        assert content.fault.reason == "too-much-memory"
    with opened(jpeg(1)) as fd:
        assert small.open(fd, read_content(fd, 1 << 30)).fault is None
    small.stop()


@pytest.mark.slow
def test_what_takes_long_keeps_no_ordinary_picture_waiting(pool: HashingPool) -> None:
    """Though there is one place only."""
    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(read, pool, SLOW)
        while pool._slow_places.acquire(blocking=False):
            pool._slow_places.release()
            time.sleep(0.01)
        assert read(pool, jpeg(1)).fault is None
        assert not slow.done()
        fault = slow.result().fault
    assert fault
    assert fault.reason == "broken-archive"
    assert pool.lost == 0


@pytest.mark.slow
def test_with_as_many_slow_files_as_may_be_the_next_is_put_off_and_its_digests_count(pool: HashingPool) -> None:
    with opened(SLOW) as fd:
        with pool._slow_places:
            for _ in range(2):  # the second time at once: it is known to be slow
                content = pool.read(fd)
                assert content.fault
                assert content.fault.reason == POSTPONED
                assert content.digests.sha256 == hashlib.sha256(SLOW).digest()
            assert read(pool, jpeg(1)).fault is None
        fault = pool.read(fd).fault
    assert fault
    assert fault.reason == "broken-archive"
    assert pool.lost == 0


def test_a_pool_that_is_closed_waits_for_no_slow_file(pool: HashingPool) -> None:
    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(read, pool, SLOW)
        while pool._slow_places.acquire(blocking=False):
            pool._slow_places.release()
            time.sleep(0.01)
        pool.close()
        content = slow.result(timeout=60)
    assert content.fault
    assert content.fault.reason == POSTPONED
    assert content.digests.sha256 == hashlib.sha256(SLOW).digest()


def test_a_pool_that_is_closed_opens_nothing_any_more(pool: HashingPool) -> None:
    """Between the end of the pool and that of the threads that use it, more files come out of the queue."""
    pool.close()
    content = read(pool, SLOW)
    assert content.fault
    assert content.fault.reason == POSTPONED
    assert content.digests.sha256 == hashlib.sha256(SLOW).digest()


def test_workers_end_with_the_pool() -> None:
    pool = HashingPool(LIMITS, 1)
    read(pool, jpeg(1))
    pid = pool._idle[0].pid
    pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_carries_none_of_what_the_daemon_needs() -> None:
    heavy = ("aiohttp", "aiosmtpd", "asyncio", "crossplane", "dns", "jinja2", "rich", "sqlite3", "typer")
    program = (
        "import sys, goodhoster_agent.hashing.worker; from goodhoster.checking.hasher import preload; preload();"
        f"print(*[name for name in {heavy} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-I", "-c", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert told.split() == [], "each hashing process is a copy of its own in memory"
