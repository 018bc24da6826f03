"""A function over many values, a few at a time, in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")


def map_parallel(do: Callable[[Given], Result], given: Sequence[Given], *, most: int = 4) -> list[Result]:
    """The results of `do` for all values, in their order; at most `most` run at once.

    Raises what the first of them raises.
    """
    if len(given) < 2:  # noqa: PLR2004 - one alone needs no threads
        return [do(one) for one in given]
    with ThreadPoolExecutor(min(most, len(given))) as threads:
        return list(threads.map(do, given))
