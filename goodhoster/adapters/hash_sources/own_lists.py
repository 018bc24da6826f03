"""The lists on this host, imported with `hashlist import`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.errors import (
    ConfigurationError,
    NotAskedError,
    NothingToCompareError,
    SourceUnavailableError,
    UncheckedError,
)
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match, SourceAnswer

_SHOWN = 16
"""Characters of a list's version that tell it from another."""


class ExactList(Protocol):
    """One list of digests; implemented in `hashlists.digest_list`."""

    @property
    def source(self) -> str:
        """The source that the list belongs to: the name in its matches."""

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of its digests."""

    @property
    def version(self) -> str:
        """An identifier of the list's contents."""

    def find(self, value: bytes) -> Category | None:
        """The entry's category, or None when it is not in the list."""


class NearList(Protocol):
    """One list of fingerprints; implemented in `hashlists.near`."""

    @property
    def source(self) -> str:
        """The source that the list belongs to: the name in its matches."""

    @property
    def kind(self) -> FingerprintKind:
        """The kind of its fingerprints."""

    @property
    def version(self) -> str:
        """An identifier of the list's contents."""

    def find(self, values: Sequence[bytes], limit: int) -> Mapping[Category, int]:
        """The smallest distance per category, of entries within the limit of any of the values.

        In bits.
        """


class OwnListCollection(Protocol):
    """All lists of this host."""

    def lists(self) -> Sequence[ExactList]:
        """The lists as they are now. ConfigurationError or OSError as long as one cannot be read."""

    def near_lists(self) -> Sequence[NearList]:
        """The near lists, in the same way."""


class OwnLists:
    """HashSource over every list of this host.

    Each match carries its list's own source name and category.
    """

    name = "list"
    local = True

    def __init__(self, collection: OwnListCollection, within: Mapping[FingerprintKind, int] | None = None) -> None:
        """`within`: bits that may differ, by kind; near lists of other kinds are not asked."""
        self._collection = collection
        self._within = within or {}

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """Look the content up in each list for whose kind a hash was taken.

        Where not every digest was taken, an empty answer needs at least one list of those that were, and where
        there are near lists it needs fingerprints of a file: `not-askable` otherwise. Near lists alone have
        nothing to compare a video with, and no say about a nearly flat picture. Where there is no list at all, nobody
        was asked.
        """
        digests = question.digests
        with _readable():
            imported = self._collection.lists()
            near = [each for each in self._collection.near_lists() if each.kind in self._within]
        lists = [each for each in imported if digests.has(each.algorithm)]
        if not imported and not near:
            message = "no list was imported on this host yet (goodhoster hashlist import)"
            raise NotAskedError(message, reason=Reason.NOT_ASKED)
        if not lists and not all(map(digests.has, Algorithm)):
            raise UncheckedError("no list on this host has digests of this algorithm", reason=Reason.NOT_ASKABLE)
        if near and not lists and question.fingerprints == ():
            message = "there are near lists only on this host, and no fingerprints of a video"
            raise NothingToCompareError(message, reason=Reason.NOT_ASKABLE)
        found = ((each, each.find(getattr(digests, each.algorithm))) for each in lists)
        exact = [Match(each.source, each.algorithm, category) for each, category in found if category is not None]
        if near and not lists and question.whole and question.is_flat(each.kind for each in near):
            message = "there are near lists only on this host, and the picture is too flat for them"
            raise NotAskedError(message, reason=Reason.TOO_FLAT)
        matches = (*exact, *(match for each in near for match in self._near(each, question)))
        if near and question.lacks_fingerprints and not matches:
            raise UncheckedError("the near lists on this host need fingerprints", reason=Reason.NOT_ASKABLE)
        return matches

    def _near(self, near: NearList, question: Question) -> Iterator[Match]:
        """Look up all fingerprints of a picture together, those of its other orientations too."""
        values = [value for fingerprint in question.matchable(near.kind) for value in fingerprint.values]
        if values:
            for category, distance in near.find(values, self._within[near.kind]).items():
                yield Match(near.source, near.kind, category, distance)

    def answering(self, question: Question) -> tuple[SourceAnswer, ...]:
        """Each list's source that can be compared with what was taken.

        Several lists of one source make one version.
        """
        try:
            lists, near = self._collection.lists(), self._collection.near_lists()
        except (ConfigurationError, OSError):
            return ()  # and then `look_up` says so
        versions: defaultdict[str, list[str]] = defaultdict(list)
        for each in lists:
            if question.digests.has(each.algorithm):
                versions[each.source].append(f"{each.algorithm}:{each.version[:_SHOWN]}")
        for grown in near:
            if grown.kind in self._within and question.matchable(grown.kind):
                newest = grown.version.rpartition(" ")[2]
                versions[grown.source].append(f"{grown.kind}:{newest[:_SHOWN]}")
        return tuple(SourceAnswer(source, " ".join(parts)) for source, parts in versions.items())

    def probe(self) -> None:
        """Open the lists."""
        with _readable():
            self._collection.lists()

    def close(self) -> None:
        """Nothing: the lists belong to the caller that opened them."""


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (ConfigurationError, OSError) as error:
        words = f"a list on this host cannot be read: {error}"
        hint = getattr(error, "hint", "")
        raise SourceUnavailableError(words, reason=Reason.LIST_DAMAGED, hint=hint) from error
