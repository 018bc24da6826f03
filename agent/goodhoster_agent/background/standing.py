"""The consequences for customers, looked after beside the workers.

Statements about what went offline are written within a minute, steps that are due are taken every few minutes, and what
an appeal could not undo at once is tried again. Without a register of customers it does nothing.
"""

from __future__ import annotations

import time

from goodhoster.assembly.services import Services
from goodhoster.model.customers.suspensions import SuspensionState
from goodhoster.ports.panels import SuspensionQuery
from goodhoster_agent.background.periodic import PeriodicTask

_INTERVAL_SECONDS = 60.0
_REVIEW_EVERY = 900.0
_AFTER_FAILURE = 60.0


class StandingTask:
    """Runs over the customers."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._review_at = 0.0
        self._undone = self._overdue = 0
        failing = "consequences for customers cannot be processed now"
        self.task = PeriodicTask("standing", self._run_once, failing, _AFTER_FAILURE)

    def problems(self) -> list[str]:
        """Problems, for `status`."""
        undone = [f"{self._undone} measures about customers are not done yet: goodhoster customers measures list"]
        overdue = [f"{self._overdue} appeals should have been decided by now: goodhoster customers appeals"]
        return (undone if self._undone else []) + (overdue if self._overdue else [])

    def _run_once(self) -> float:
        if not self._services.customers.in_use:
            return _INTERVAL_SECONDS
        standing = self._services.customers.standing
        if self._services.rules.enforce:
            standing.letters.tell_of_cases(self._services.case_store)
            self._tell_of_suspensions(SuspensionState.IN_FORCE)
        if time.monotonic() >= self._review_at:
            self._review_at = time.monotonic() + _REVIEW_EVERY
            standing.desk.review_all()
            if self._services.rules.enforce:
                self._tell_of_suspensions(SuspensionState.LIFTED)
                standing.letters.tell_of_restored(self._services.case_store)
            for appeal in standing.appeals.unfinished():
                standing.appeals.finish(appeal)
            if self._services.rules.enforce:
                standing.appeals.write_missing_letters()
        self._undone = sum(bool(step.trouble) for step in standing.desk.waiting()) + len(standing.appeals.unfinished())
        self._overdue = len(standing.appeals.overdue())
        return _INTERVAL_SECONDS

    def _tell_of_suspensions(self, state: SuspensionState) -> None:
        customers = self._services.customers
        found = customers.suspensions.find(SuspensionQuery(frozenset({state})))
        customers.standing.letters.tell_of_suspensions(found)
