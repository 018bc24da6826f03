import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial

import pytest

from goodhoster.adapters.hash_sources.event_loop import LoopThread


async def nothing() -> None: ...


async def later(value: int) -> int:
    await asyncio.sleep(0.001)
    return value


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread("test")
    yield loop
    loop.close(nothing)


def test_each_caller_gets_its_own_result(loop: LoopThread) -> None:
    with ThreadPoolExecutor(32) as threads:
        assert list(threads.map(lambda n: loop.run(partial(later, n)), range(2000))) == list(range(2000))


def test_an_error_is_raised_for_its_own_caller(loop: LoopThread) -> None:
    async def fails() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        loop.run(fails)
    assert loop.run(partial(later, 1)) == 1


def test_closing_wakes_every_caller() -> None:
    loop = LoopThread("test")
    for_ever = partial(asyncio.sleep, 3600)
    with ThreadPoolExecutor(32) as threads:
        futures = [threads.submit(loop.run, for_ever) for _ in range(32)]
        time.sleep(0.01)
        loop.close(nothing)
    assert {type(future.exception()) for future in futures} == {CancelledError}


def test_the_last_work_runs_after_all_other_has_ended_and_the_thread_ends() -> None:
    order: list[str] = []
    begun = threading.Event()

    async def until_cancelled() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            order.append("cancelled")

    async def last() -> None:
        order.append("last")

    loop = LoopThread("made-up name")
    with ThreadPoolExecutor(1) as threads:
        threads.submit(loop.run, until_cancelled)
        assert begun.wait(60)
        loop.close(last)
    loop.close(last)
    assert order == ["cancelled", "last"]
    assert "made-up name" not in {thread.name for thread in threading.enumerate()}


def test_a_closed_loop_runs_nothing(loop: LoopThread) -> None:
    loop.close(nothing)
    with pytest.raises(CancelledError):
        loop.run(partial(later, 1))
