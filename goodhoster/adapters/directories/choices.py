"""Follows a configuration along every way that it may go where something of a request is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from goodhoster.errors import UnclearRouteError
from goodhoster.model.site_rules import Shown, ShownKind

Result = TypeVar("Result")
_MOST_WAYS = 32


class Choices:
    """What is taken to be true on one way; the same question has the same answer."""

    def __init__(self, given: Sequence[bool]) -> None:
        self._given = list(given)
        self._asked: dict[str, bool] = {}

    def of(self, question: str) -> bool:
        """Is that so?"""
        if question not in self._asked:
            number = len(self._asked)
            self._asked[question] = self._given[number] if number < len(self._given) else False
        return self._asked[question]

    @property
    def made(self) -> list[bool]:
        """In the order of the questions."""
        return list(self._asked.values())


def every_way(follow: Callable[[Choices], Result]) -> Iterator[Result]:
    """What comes of each way. UnclearRouteError where there are too many."""
    given: list[bool] = []
    for _ in range(_MOST_WAYS):
        choices = Choices(given)
        yield follow(choices)
        given = choices.made
        while given and given[-1]:
            given.pop()
        if not given:
            return
        given[-1] = True
    raise UnclearRouteError("what is shown depends on too much that cannot be known here")


def one_of(ways: Iterator[Shown]) -> Shown:
    """What all ways lead to, but for those on which it is refused (to a foreign page, to a far country).
    UnclearRouteError where they lead to different things.
    """
    found = list(dict.fromkeys(ways))
    something = [shown for shown in found if shown.kind is not ShownKind.NOTHING]
    if len(something) <= 1:
        return (something or found)[0]
    raise UnclearRouteError("what is shown depends on something that cannot be known here")
