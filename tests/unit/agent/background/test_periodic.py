"""No mishap ends a thread of rounds, and none is silent."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from goodhoster.errors import PassingError
from goodhoster_agent.background.periodic import PeriodicTask
from tests.waiting import wait_until


@contextmanager
def going(go: Callable[[], float]) -> Iterator[PeriodicTask]:
    rounds = PeriodicTask("made-up", go, "nothing can be done now", 0.01)
    rounds.start()
    try:
        yield rounds
    finally:
        rounds.stop()


@pytest.mark.parametrize("error", [PassingError("the disk is full"), OSError("away"), ValueError("a fault of ours")])
def test_a_round_that_fails_is_told_once_and_comes_again(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    tries: list[int] = []
    failing = True

    def go() -> float:
        tries.append(len(tries))
        if failing:
            raise error
        return 0.01

    with going(go) as rounds:
        assert wait_until(lambda: len(tries) > 3)
        assert rounds.problems() == [f"nothing can be done now: {error}"]
        failing = False
        assert wait_until(lambda: rounds.problems() == [])
    (told,) = caplog.records
    assert told.getMessage() == f"nothing can be done now: {error}"
    assert bool(told.exc_info) is isinstance(error, ValueError)


def test_a_long_pause_keeps_nobody_waiting_at_the_end() -> None:
    resources: list[bool] = []

    def go() -> float:
        resources.append(True)
        return 3600.0

    with going(go):
        assert wait_until(lambda: resources == [True])


def test_rounds_that_never_began_end_too() -> None:
    PeriodicTask("made-up", lambda: 1.0, "nothing can be done now", 1.0).stop()
