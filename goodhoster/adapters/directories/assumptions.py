"""Follows a configuration along all ways where some fact of the request is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from goodhoster.errors import UnclearRouteError
from goodhoster.model.site_rules import Shown, ShownKind

Result = TypeVar("Result")
_MOST_WAYS = 32


class Choices:
    """The assumptions on one way; the same question has the same answer."""

    def __init__(self, given: Sequence[bool]) -> None:
        self._given = list(given)
        self._asked: dict[str, bool] = {}

    def of(self, question: str) -> bool:
        """The assumed answer to a question."""
        if question not in self._asked:
            number = len(self._asked)
            self._asked[question] = self._given[number] if number < len(self._given) else False
        return self._asked[question]

    @property
    def made(self) -> list[bool]:
        """The answers in the order of the questions."""
        return list(self._asked.values())


_ACCEPTS = (
    "text/html,application/xhtml+xml,image/avif,image/webp,image/png,*/*;q=0.8",
    "text/html,image/png,*/*;q=0.8",
)


class Accept:
    """What a browser accepts, and whether the configuration asked for it."""

    def __init__(self, value: str) -> None:
        self._value = value
        self.asked = False

    @property
    def value(self) -> str:
        """The value of the Accept header."""
        self.asked = True
        return self._value


def to_every_browser(follow: Callable[[Choices, Accept], Shown]) -> list[Shown]:
    """What is shown to a browser that accepts WebP and AVIF.

    To one that does not, too, where it matters.
    """
    found: list[Shown] = []
    for accept in map(Accept, _ACCEPTS):
        found.append(_shown_to(follow, accept))
        if not accept.asked:
            break
    return list(dict.fromkeys(found))


def _shown_to(follow: Callable[[Choices, Accept], Shown], accept: Accept) -> Shown:
    return one_of(every_way(lambda choices: follow(choices, accept)))


def every_way(follow: Callable[[Choices], Result]) -> Iterator[Result]:
    """The result of each way. UnclearRouteError where there are too many."""
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
    """The one result of all ways, except those that refuse the request.

    It may be refused to a foreign page, or to a far country. UnclearRouteError where the ways lead to different
    things.
    """
    found = list(dict.fromkeys(ways))
    something = [shown for shown in found if shown.kind is not ShownKind.NOTHING]
    if len(something) <= 1:
        return (something or found)[0]
    raise UnclearRouteError("what is shown depends on something that cannot be known here")
