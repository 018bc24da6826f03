"""A hash source that retries a question a few times before it gives up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from goodhoster.adapters.hash_sources.wrapper import SourceWrapper
from goodhoster.errors import SourceUnavailableError
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match
from goodhoster.ports import HashSource


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long one question may take. Times in seconds."""

    attempts: int = 3
    total: float = 12.0
    """The deadline of a look-up with all its attempts: none begins that could end later."""
    attempt: float = 5.0
    """The deadline that the source keeps for one attempt."""
    first_wait: float = 0.2
    """Longest wait before the second attempt; it doubles each time.

    A wait is random between nothing and the longest ("full jitter"): what failed together comes back apart.
    """


@dataclass(frozen=True, slots=True)
class Timing:
    """Clock and randomness; tests replace them."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    """Evenly from 0 up to 1."""


class Retrying(SourceWrapper[HashSource]):
    """HashSource that retries while the source is unavailable; a refusal is raised at once.

    Blocks the caller while it waits.
    """

    def __init__(
        self, source: HashSource, retry_policy: RetryPolicy | None = None, timing: Timing | None = None
    ) -> None:
        super().__init__(source)
        self._retry_policy = retry_policy or RetryPolicy()
        self._timing = timing or Timing()

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """The first usable answer, or the last attempt's error."""
        last_start = self._timing.monotonic() + self._retry_policy.total - self._retry_policy.attempt
        for done in range(1, self._retry_policy.attempts):
            try:
                return self._source.look_up(question)
            except SourceUnavailableError as error:
                wait = self._wait(done, error.retry_after)
                if self._timing.monotonic() + wait > last_start:
                    raise
            self._timing.sleep(wait)
        return self._source.look_up(question)

    def _wait(self, done: int, retry_after: float | None) -> float:
        jitter = self._timing.chance() * self._retry_policy.first_wait * 2.0 ** (done - 1)
        return jitter + (retry_after or 0.0)
