"""A circuit breaker: pauses a hash source that fails again and again.

It keeps a service that is down from being hammered when it comes back, and our threads from waiting out the same
deadline for every file. What is not asked is *unchecked* (`paused`), and the queue asks again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.adapters.hash_sources.wrapper import SourceWrapper
from goodhoster.errors import SourceRefusedError, SourceUnavailableError
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match
from goodhoster.ports import HashSource


@dataclass(frozen=True, slots=True)
class Pauses:
    """When and for how long to pause. Times in seconds."""

    failures: int = 5
    """So many failures in a row open the breaker."""
    first: float = 1.0
    """The first pause; it doubles with each trial that fails, and is shortened by up to half at random."""
    longest: float = 60.0
    refused: float = 60.0
    """Pause after 401 or 403: asking on with a wrong account gets an address blocked; a mended one is seen soon."""
    obeyed: float = 86400.0
    """A Retry-After is obeyed up to this, as for a file in the queue: a wrong figure must not end checking for ever."""
    longest_retry_after: float = 5.0
    """A Retry-After beyond this opens the breaker at once; a shorter one is for `Retrying`."""


class CircuitBreaker(SourceWrapper[HashSource]):
    """HashSource that is not asked while the circuit is open.

    Closed: every question passes. Open: none does. After the pause one question passes as a trial.
    """

    def __init__(
        self,
        source: HashSource,
        pauses: Pauses | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(source)
        self._pauses = pauses or Pauses()
        self._monotonic = monotonic
        self._chance = chance
        self._lock = Lock()
        self._generation = 0
        """Grows when the breaker opens or closes: what was asked before says nothing about after."""
        self._failures = 0
        self._openings = 0
        """Times opened since the last usable answer."""
        self._until: float | None = None
        self._on_trial = False

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """As the source, or SourceUnavailableError (`paused`) at once."""
        generation = self._enter()
        try:
            matches = self._source.look_up(question)
        except SourceRefusedError:
            self._failed(generation, at_least=self._pauses.refused)
            raise
        except SourceUnavailableError as error:
            self._failed(generation, at_least=min(error.retry_after or 0.0, self._pauses.obeyed))
            raise
        except BaseException:
            self._end_neutral(generation)
            raise
        self._answered(generation)
        return matches

    def rest(self) -> float:
        """Seconds until a question passes again; 0 while all do."""
        with self._lock:
            return 0.0 if self._until is None else max(0.0, self._until - self._monotonic())

    def _enter(self) -> int:
        with self._lock:
            if self._until is not None:
                rest = self._until - self._monotonic()
                if rest > 0 or self._on_trial:
                    raise self._paused(max(rest, 0.0))
                self._on_trial = True
            return self._generation

    def _paused(self, rest: float) -> SourceUnavailableError:
        return SourceUnavailableError(
            f"{self.name} is not asked for another {rest:.0f} s after repeated failures",
            reason=Reason.PAUSED,
            retry_after=max(rest, self._pauses.first),
            hint="It is asked again by itself; `goodhoster status` shows the failure behind it.",
        )

    def _answered(self, generation: int) -> None:
        with self._lock:
            if generation != self._generation:
                return
            self._failures = 0
            if self._on_trial:
                self._generation += 1
                self._on_trial = False
                self._until = None
                self._openings = 0

    def _failed(self, generation: int, *, at_least: float) -> None:
        with self._lock:
            if generation != self._generation:
                return
            self._failures += 1
            if self._on_trial or self._failures >= self._pauses.failures or at_least > self._pauses.longest_retry_after:
                self._open(at_least)

    def _open(self, at_least: float) -> None:
        pause = min(self._pauses.longest, self._pauses.first * 2.0 ** min(self._openings, 30))
        self._generation += 1
        self._failures = 0
        self._openings += 1
        self._on_trial = False
        self._until = self._monotonic() + max(at_least, pause * (1 - self._chance() / 2))

    def _end_neutral(self, generation: int) -> None:
        """End a question that says nothing about the source."""
        with self._lock:
            if generation == self._generation:
                self._on_trial = False
