"""Runs over suspensions.

What a crash left is continued, what is in force is looked at again. Each account by itself: a panel that is slow or
away keeps no other waiting longer than its own time limit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from goodhoster.errors import GoodhosterError
from goodhoster.model.customers.suspensions import Suspension
from goodhoster_agent.background.periodic import PeriodicTask

_log = logging.getLogger(__name__)
_POLL_SECONDS = 60.0
"""Seconds between looks at what is due."""


class SuspensionTask:
    """Runs over the suspensions that are due; idle where there is none."""

    def __init__(self, due: Callable[[], Sequence[Suspension]], look_after: Callable[[Suspension], Suspension]) -> None:
        self._due = due
        self._look_after = look_after
        self.task = PeriodicTask("suspensions", self._run_once, "suspensions cannot be checked now", _POLL_SECONDS)

    def _run_once(self) -> float:
        for suspension in self._due():
            if self.task.stopping.is_set():
                break
            self._one(suspension)
        return _POLL_SECONDS

    def _one(self, suspension: Suspension) -> None:
        try:
            after = self._look_after(suspension)
        except (GoodhosterError, OSError) as error:
            _log.error("suspension %s cannot be checked now: %s", suspension.id, error)
            return
        if after.state is not suspension.state:
            _log.warning("suspension %s of %s is %s now: %s", after.id, after.target, after.state, after.detail)
