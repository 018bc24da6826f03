"""Isolation of a hash source, so that a fault in a plug-in does not affect other sources.

Only its own answer is missing.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from threading import Lock

from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.adapters.hash_sources.wrapper import ObservedSourceWrapper
from goodhoster.errors import GoodhosterError, UncheckedError
from goodhoster.model.sources import Question, SourceHealth
from goodhoster.model.verdicts import Match, SourceAnswer
from goodhoster.ports import ObservedSource

log = logging.getLogger(__name__)

_SHOWN = 200  # characters of what a fault says


class IsolatedSource(ObservedSourceWrapper):
    """HashSource that keeps the promise of the port around any third-party source.

    Whatever that source raises or returns.
    """

    def __init__(self, source: ObservedSource) -> None:
        super().__init__(source)
        self._lock = Lock()
        self._faults = 0
        self._newest = ""
        self._told: set[type[Exception]] = set()

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """As the source; UncheckedError (`internal-error`) for a fault in it.

        Also for an invalid answer.
        """
        try:
            matches = _whole(self._source.look_up(question))
        except GoodhosterError:
            raise
        except Exception as error:
            words = self._count(error)
            raise UncheckedError(words, reason=Reason.INTERNAL_ERROR, hint="report it to who made it") from error
        self._newest = ""
        return matches

    def answering(self, question: Question) -> tuple[SourceAnswer, ...]:
        """As the source; the source without a version for a fault in it."""
        try:
            return super().answering(question)
        except Exception as error:  # noqa: BLE001 - a fault of a plug-in takes nothing from other sources; it is counted
            self._count(error)
            return (SourceAnswer(self.name),)

    def health(self) -> SourceHealth:
        """The source's figures, with its faults counted."""
        health = self._source.health()
        if not self._faults:
            return health
        unchecked = {**health.unchecked, Reason.INTERNAL_ERROR.value: self._faults}
        return replace(health, unchecked=unchecked, last_error=health.last_error or self._newest)

    def _count(self, error: Exception) -> str:
        """Count a fault and describe it.

        Its traceback is logged once for each kind of fault.
        """
        words = f"{self.name} has a fault: {error!r}"[:_SHOWN]
        with self._lock:
            self._faults += 1
            self._newest = words
            first = type(error) not in self._told
            self._told.add(type(error))
        if first:
            log.error("%s; what it was asked about is unchecked, unless another source knows it", words, exc_info=error)
        return words


def _whole(answer: object) -> tuple[Match, ...]:
    """TypeError when a source returned anything but matches."""
    if not isinstance(answer, tuple) or not all(isinstance(match, Match) for match in answer):
        raise TypeError(f"a tuple of matches was due, and it answered {answer!r:.80}")
    return answer
