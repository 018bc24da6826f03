"""A function over many values in threads: a few at a time, or one ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")


def map_parallel(do: Callable[[Given], Result], given: Sequence[Given], *, most: int = 4) -> list[Result]:
    """The results of `do` for all values, in their order; at most `most` run at once.

    Raises what one of them raises, once all have ended.
    """
    if min(most, len(given)) < 2:  # noqa: PLR2004 - one alone needs no threads
        return [do(one) for one in given]
    results: dict[int, Result] = {}
    numbers = iter(range(len(given)))  # shared: each thread takes the next

    def work() -> None:
        for number in numbers:
            results[number] = do(given[number])

    with ThreadPoolExecutor(min(most, len(given))) as threads:
        ends = [threads.submit(work) for _ in range(min(most, len(given)))]
    for end in ends:
        end.result()
    return [results[number] for number in range(len(given))]


def map_ahead(do: Callable[[Given], Result], given: Sequence[Given]) -> Generator[tuple[Given, Result], None, None]:
    """Each value with its result, in order, the next one computed meanwhile.

    Raises what `do` raises for a value when that value's turn comes.
    """
    if not given:
        return
    if len(given) == 1:  # one alone needs no thread
        yield given[0], do(given[0])
        return
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(do, given[0])
        for number, one in enumerate(given):
            result = following.result()
            if number + 1 < len(given):
                following = thread.submit(do, given[number + 1])
            yield one, result
