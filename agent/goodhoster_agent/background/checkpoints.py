"""Hourly checkpoints of the audit log, confirmed by others.

Only where witnesses or timestamp authorities are configured: a checkpoint that nobody else has seen shows little.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from goodhoster.settings import Settings
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.audit.anchoring import Anchored

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 300.0
"""Seconds until those are asked again who could not be."""


class CheckpointTask:
    """Periodic work beside the workers; none where no witness or authority is configured."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._problems: list[str] = []
        failing = "no checkpoint of the audit log can be signed now"
        self.task = PeriodicTask("checkpoints", self._run_once, failing, _RETRY_SECONDS)

    def start(self) -> None:
        """Start at once, where there is a witness or an authority to ask."""
        if self._settings.audit.witnesses or self._settings.timestamps:
            self.task.start()

    def problems(self) -> list[str]:
        """Problems, for `status`."""
        return [*self._problems, *self.task.problems()]

    def _run_once(self) -> float:
        # Here, so that a daemon without witnesses does not carry the cryptography (9 MB).
        from goodhoster.assembly.audit import issue  # noqa: PLC0415

        anchored = issue(self._settings)
        self._report_problems(anchored)
        every = self._settings.audit.checkpoint_every
        return min(_RETRY_SECONDS, every) if anchored.troubles else every

    def _report_problems(self, anchored: Anchored) -> None:
        """Report a problem in the journal once, and in `status` as long as it lasts."""
        problems = [f"ALARM: the audit log differs from what witnesses have seen: {alarm}" for alarm in anchored.alarms]
        problems += [f"the audit log is not confirmed from outside now: {trouble}" for trouble in anchored.troubles]
        for problem in problems:
            if problem not in self._problems:
                _log.log(logging.CRITICAL if problem.startswith("ALARM") else logging.WARNING, "%s", problem)
        self._problems = problems
