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


_ACCEPTS = (
    "text/html,application/xhtml+xml,image/avif,image/webp,image/png,*/*;q=0.8",
    "text/html,image/png,*/*;q=0.8",
)


class Accept:
    """What a browser takes, and whether the configuration asked for it."""

    def __init__(self, value: str) -> None:
        self._value = value
        self.asked = False

    @property
    def value(self) -> str:
        """The header."""
        self.asked = True
        return self._value


def to_every_browser(follow: Callable[[Choices, Accept], Shown]) -> list[Shown]:
    """What is shown to one that takes WebP and AVIF; to one that does not, too, where it matters."""
    found: list[Shown] = []
    for accept in map(Accept, _ACCEPTS):
        found.append(_shown_to(follow, accept))
        if not accept.asked:
            break
    return list(dict.fromkeys(found))


def _shown_to(follow: Callable[[Choices, Accept], Shown], accept: Accept) -> Shown:
    return one_of(every_way(lambda choices: follow(choices, accept)))


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
