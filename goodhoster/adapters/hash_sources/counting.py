"""A hash source that counts its questions and answers (ObservedSource)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.adapters.hash_sources.wrapper import SourceWrapper
from goodhoster.errors import (
    NotAskedError,
    NothingToCompareError,
    SourceRefusedError,
    SourceUnavailableError,
    UncheckedError,
)
from goodhoster.model.sources import Question, SourceHealth
from goodhoster.model.verdicts import Match
from goodhoster.ports import Clock, HashSource


class CountedSource(SourceWrapper[HashSource]):
    """HashSource that counts. Use it as the outermost wrapper.

    Every question is then counted once, whatever becomes of it inside.
    """

    def __init__(self, source: HashSource, clock: Clock, *, rest: Callable[[], float] = lambda: 0.0) -> None:
        """`rest` returns for how many more seconds the source is not asked: `CircuitBreaker.rest`."""
        super().__init__(source)
        self._clock = clock
        self._rest = rest
        self._lock = Lock()
        self._checks = 0
        self._matches = 0
        self._seconds = 0.0
        self._unchecked: Counter[str] = Counter()
        self._last_contact: datetime | None = None
        self._last_error = ""
        self._alarm = False

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """As the source, counted."""
        begun = time.monotonic()
        try:
            matches = self._source.look_up(question)
        except (SourceUnavailableError, SourceRefusedError, UncheckedError) as error:
            self._failed(error)
            raise
        finally:
            self._took(time.monotonic() - begun)
        self._answered(len(matches))
        return matches

    def health(self) -> SourceHealth:
        """The figures up to now, all from the same moment."""
        rest = self._rest()
        with self._lock:
            return SourceHealth(
                name=self.name,
                checks=self._checks,
                matches=self._matches,
                seconds=self._seconds,
                unchecked=dict(self._unchecked),
                last_contact=self._last_contact,
                last_error=self._last_error,
                alarm=self._alarm,
                paused_until=self._clock() + timedelta(seconds=rest) if rest else None,
            )

    def _took(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds

    def _answered(self, matches: int) -> None:
        with self._lock:
            self._checks += 1
            self._matches += matches
            self._last_contact = self._clock()
            self._last_error = ""
            self._alarm = False

    def _failed(self, error: SourceUnavailableError | SourceRefusedError | UncheckedError) -> None:
        with self._lock:
            self._unchecked[error.reason] += 1
            if isinstance(error, NotAskedError | NothingToCompareError):
                return  # it has no say about this content, and nothing failed
            if error.reason != Reason.PAUSED or not self._last_error:  # what it pauses for says more
                self._last_error = str(error)
            self._alarm = self._alarm or isinstance(error, SourceRefusedError)
