"""A wrapper around a hash source; what it does not change is as in the source inside."""

from __future__ import annotations

from typing import Generic, TypeVar

from goodhoster.model.sources import Question, SourceHealth
from goodhoster.model.verdicts import Match, SourceAnswer
from goodhoster.ports import HashSource, ObservedSource, answering

Inner = TypeVar("Inner", bound=HashSource)


class SourceWrapper(Generic[Inner]):
    """HashSource that passes everything on to the source inside.

    The source belongs to its wrapper: `close` closes the source too.
    """

    def __init__(self, source: Inner) -> None:
        self.name = source.name
        self.local = source.local
        self._source = source

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """As the source."""
        return self._source.look_up(question)

    def answering(self, question: Question) -> tuple[SourceAnswer, ...]:
        """As the source."""
        return answering(self._source, question)

    def probe(self) -> None:
        """As the source, always directly.

        A trial that a person asks for is never delayed, counted or answered by a wrapper.
        """
        self._source.probe()

    def close(self) -> None:
        """As the source."""
        self._source.close()


class ObservedSourceWrapper(SourceWrapper[ObservedSource]):
    """A wrapper around a source that keeps figures of itself."""

    def health(self) -> SourceHealth:
        """As the source."""
        return self._source.health()
