"""The lists on this host that `hashlist import` filled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from goodhoster.adapters.hashsources.reasons import Reason
from goodhoster.errors import ConfigurationError, SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Algorithm
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match


class ExactList(Protocol):
    """One list; `checking.digestlist` has them."""

    @property
    def source(self) -> str:
        """Whose list it is: the name its matches carry."""

    @property
    def algorithm(self) -> Algorithm:
        """What its digests were made by."""

    def find(self, value: bytes) -> Category | None:
        """The entry's category, or None when it is not in the list."""


class Shelf(Protocol):
    """All lists of this host."""

    def lists(self) -> Sequence[ExactList]:
        """The lists as they are now. ConfigurationError or OSError as long as one cannot be read."""


class OwnLists:
    """HashSource over every list of a shelf; each match carries its list's own source name and category."""

    name = "list"
    local = True

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """Look into each list whose algorithm was taken.

        Where not every digest was taken, an empty answer needs at least one list of those that were:
        `not-askable` otherwise.
        """
        digests = question.digests
        lists = [each for each in self._lists() if digests.has(each.algorithm)]
        if not lists and not all(map(digests.has, Algorithm)):
            raise UncheckedError("no list on this host has digests of this algorithm", reason=Reason.NOT_ASKABLE)
        found = ((each, each.find(getattr(digests, each.algorithm))) for each in lists)
        return tuple(Match(each.source, each.algorithm, category) for each, category in found if category is not None)

    def probe(self) -> None:
        """Opens the lists."""
        self._lists()

    def close(self) -> None:
        """The shelf belongs to who made it."""

    def _lists(self) -> Sequence[ExactList]:
        try:
            return self._shelf.lists()
        except (ConfigurationError, OSError) as error:
            words = f"a list on this host cannot be read: {error}"
            hint = getattr(error, "hint", "")
            raise SourceUnavailableError(words, reason=Reason.LIST_DAMAGED, hint=hint) from error
