"""The same for many, a few at a time: while one waits for a disk or a server, the next goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")


def at_once(do: Callable[[Given], Result], given: Sequence[Given], *, most: int = 4) -> list[Result]:
    """What `do` makes of each, in their order; at most so many in hand. Raises what the first of them raises."""
    if len(given) < 2:  # noqa: PLR2004 - one alone needs no threads
        return [do(one) for one in given]
    with ThreadPoolExecutor(min(most, len(given))) as threads:
        return list(threads.map(do, given))


def one_ahead(do: Callable[[Given], Result], pieces: Iterable[Sequence[Given]]) -> Iterator[list[Result]]:
    """What `at_once` makes of each piece; while the caller is at one, the next is in hand already."""
    with ThreadPoolExecutor(1) as ahead:
        made: Future[list[Result]] | None = None
        for piece in pieces:
            coming = ahead.submit(at_once, do, piece)
            if made is not None:
                yield made.result()
            made = coming
        if made is not None:
            yield made.result()
