"""Orders of two persons about one thing: processes of their own, begun at the same moment, or killed in the middle."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from goodhoster.errors import GoodhosterError

_CONTEXT = multiprocessing.get_context("fork")
_WITHIN = 120.0
Order = Callable[[Callable[[], None]], object]
"""An order: opens what it works with, calls what it is given, which waits for the others, and does it."""


def at_once(*orders: Order) -> list[str]:
    """What each order came to: `done: …`, or `refused: …` with the message and what to do next."""
    barrier, told = _CONTEXT.Barrier(len(orders)), _CONTEXT.SimpleQueue()

    def run(number: int, order: Order) -> None:
        try:
            answer = f"done: {order(lambda: _wait(barrier))}"
        except GoodhosterError as error:
            answer = f"refused: {error} | {error.hint}"
        told.put((number, answer))
        os._exit(0)  # what was inherited is the parent's to close

    processes = [_CONTEXT.Process(target=run, args=each) for each in enumerate(orders)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(_WITHIN)
        assert process.exitcode == 0, "it hung or died"
    return [answer for _, answer in sorted(told.get() for _ in processes)]


def killed(order: Order, where: tuple[Any, str]) -> None:
    """Give an order in a process that is killed with -9 when it calls that method of a class."""

    def run() -> None:
        setattr(where[0], where[1], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        order(lambda: None)
        os._exit(0)

    process = _CONTEXT.Process(target=run)
    process.start()
    process.join(_WITHIN)
    assert process.exitcode == -signal.SIGKILL, f"it was to die in {where[1]}, and ended with {process.exitcode}"


def one_won(answers: list[str]) -> tuple[int, str]:
    """The number of the order that won, and what the other was told."""
    won = [number for number, answer in enumerate(answers) if answer.startswith("done")]
    assert len(won) == 1, answers
    (lost,) = [answer for answer in answers if answer.startswith("refused")]
    return won[0], lost


def _wait(barrier: Any) -> None:  # noqa: ANN401 - a barrier of a context
    barrier.wait(_WITHIN)
