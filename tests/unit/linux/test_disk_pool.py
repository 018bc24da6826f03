import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from goodhoster.linux.disk_pool import DiskPool

PATIENCE = 1.0


@pytest.fixture
def pool() -> DiskPool:
    return DiskPool(3, PATIENCE)


@pytest.fixture
def patient() -> DiskPool:
    """Of disks that only seem to hang where the machine is busy."""
    return DiskPool(3, 120)


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Set it and what hangs goes on."""
    event = threading.Event()
    yield event
    event.set()


def test_calls_give_back_what_they_made_or_raised(patient: DiskPool) -> None:
    futures = [patient.submit(1, lambda n=n: 12 // n) for n in (3, 4, 0)]  # type: ignore[misc]
    patient.wait_unless_hung((1, future) for future in futures)
    assert [future.result() for future in futures[:2]] == [4, 3]
    with pytest.raises(ZeroDivisionError):
        futures[2].result()


def test_so_many_of_a_disk_are_in_hand_and_no_more(patient: DiskPool) -> None:
    most = together = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal most, together
        with lock:
            together += 1
            most = max(most, together)
        time.sleep(0.01)
        with lock:
            together -= 1

    futures = [patient.submit(1, work) for _ in range(30)]
    patient.wait_unless_hung((1, future) for future in futures)
    assert most == 3


def test_a_disk_that_hangs_holds_up_no_other(pool: DiskPool, hanging: threading.Event) -> None:
    stuck = [pool.submit(1, hanging.wait) for _ in range(5)]
    fine = pool.submit(2, lambda: "fine")
    assert fine.result(60) == "fine"
    assert not any(future.done() for future in stuck), "nobody gave the other disk up first"
    pool.wait_unless_hung((1, future) for future in stuck)
    assert [future.cancelled() for future in stuck] == [False] * 3 + [True] * 2
    assert pool.submit(1, lambda: "never").cancelled()
    assert [future.done() for future in stuck[:3]] == [False] * 3
    hanging.set()
    assert [future.result(60) for future in stuck[:3]] == [True] * 3


def test_a_disk_that_hung_is_tried_by_one_at_a_time(pool: DiskPool, hanging: threading.Event) -> None:
    slow = pool.submit(1, lambda: time.sleep(PATIENCE * 1.5))
    slow.result(60)
    began = [threading.Event() for _ in range(2)]

    def call(event: threading.Event) -> None:
        event.set()
        hanging.wait()

    futures = [pool.submit(1, lambda event=event: call(event)) for event in began]  # type: ignore[misc]
    assert began[0].wait(60)
    assert not began[1].wait(PATIENCE / 2)
    pool.wait_unless_hung((1, future) for future in futures)
    with pytest.raises(CancelledError):
        futures[1].result()


def test_what_takes_long_by_its_size_does_not_hang(pool: DiskPool) -> None:
    long = pool.submit(1, lambda: time.sleep(PATIENCE * 2), seconds=PATIENCE * 10)
    after = [pool.submit(1, lambda: None) for _ in range(5)]
    pool.wait_unless_hung((1, future) for future in [long, *after])
    assert not any(future.cancelled() for future in [long, *after])
