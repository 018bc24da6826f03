"""Repeated queries to network services about content they did not know long ago.

Their lists grow without notice.

Slowly, one file after the other, when nothing else waits; not while a service fails, for what it said before still
stands then. Off unless `[agent] ask_again_after` says otherwise.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from goodhoster.assembly.services import Services
from goodhoster_agent.background.periodic import PeriodicTask

_BETWEEN_PAGES = 0.1  # seconds: two million files are gone through in two minutes
_BETWEEN_ROUNDS = 600.0
_WHILE_FAILING = 30.0


class RequeryTask:
    """Periodic work beside the workers; idle where it is not wanted or no source is remote.

    The next start goes on with what was not asked yet.
    """

    def __init__(self, services: Services, queued: Callable[[], None]) -> None:
        agent = services.settings.agent
        self._after = agent.ask_again_after
        self._between = 3600 / agent.ask_again_per_hour
        self._index = services.index
        self._services = [source for source in services.sources if not source.local]
        self._queued = queued
        failing = "files with old answers cannot be looked up now"
        self.task = PeriodicTask("ask-again", self._run_once, failing, _BETWEEN_ROUNDS)

    def _run_once(self) -> float:
        if not self._after or not self._services:
            return threading.TIMEOUT_MAX
        self._query_all(self._after)
        return _BETWEEN_ROUNDS

    def _query_all(self, after: float) -> None:
        now = time.time()
        for arrivals in self._index.seen.answered_before(now - after, now):
            for arrival in arrivals:
                if self._stopped_before_turn():
                    return
                self._index.expect([arrival], time.time())
                self._queued()
            if self.task.stopping.wait(_BETWEEN_PAGES):
                return

    def _stopped_before_turn(self) -> bool:
        while self._failing() and not self.task.stopping.wait(_WHILE_FAILING):
            pass
        return self.task.stopping.wait(self._between)

    def _failing(self) -> bool:
        """Whether a service refuses our account, or is left alone after failures.

        One failure, or one odd file, says nothing yet.
        """
        return any(health.alarm or health.paused_until for health in (source.health() for source in self._services))
