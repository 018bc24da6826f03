"""Who is held up is replaced, and there are never more threads than may be."""

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from goodhoster.linux.thread_crew import CrewSize, ThreadCrew
from tests.waiting import wait_until


class Work:
    """Takes what it is given, and waits at what is an event."""

    def __init__(self) -> None:
        self.given: queue.SimpleQueue[threading.Event | int] = queue.SimpleQueue()
        self.done: list[int] = []
        self.at_once = 0
        self.crew = ThreadCrew("test", CrewSize(2, most=5, timeout=0.2), self.step)

    def step(self) -> bool:
        try:
            given = self.given.get(timeout=0.05)
        except queue.Empty:
            return True
        with self.crew.at_work():
            if isinstance(given, int):
                self.done.append(given)
            else:
                given.wait(300)
        return True


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    work.crew.start()
    yield work
    work.crew.stop(1)


def threads() -> int:
    return sum(thread.name.startswith("test-") and "watch" not in thread.name for thread in threading.enumerate())


def test_work_goes_on_beside_what_is_held_up_and_the_crew_shrinks_again(work: Work) -> None:
    events = [threading.Event() for _ in range(3)]
    for event in events:
        work.given.put(event)
    work.given.put(1)
    assert wait_until(lambda: work.done == [1])
    assert threads() <= 5
    for event in events:
        event.set()
    assert wait_until(lambda: threads() == 2)
    work.given.put(2)
    assert wait_until(lambda: work.done == [1, 2])


def test_there_are_never_more_than_may_be(work: Work) -> None:
    events = [threading.Event() for _ in range(9)]
    for event in events:
        work.given.put(event)
    assert wait_until(lambda: threads() == 5)
    time.sleep(0.5)
    assert threads() == 5
    for event in events:
        event.set()
    assert wait_until(lambda: threads() == 2)


@pytest.mark.slow
def test_the_end_does_not_wait_for_what_is_held_up(work: Work) -> None:
    event = threading.Event()
    work.given.put(event)
    time.sleep(0.5)
    begun = time.monotonic()
    work.crew.stop(120)
    assert time.monotonic() - begun < 60
    event.set()
