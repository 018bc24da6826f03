"""Daily verification of the audit log: what is new each day, all of it once a week.

It reads in small pieces with pauses, so that neither uploads nor notices wait for it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from goodhoster.assembly.services import Services
from goodhoster.errors import PassingError
from goodhoster.model.alerts import AlertKind
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.assembly.audit import LogCheck

_log = logging.getLogger(__name__)
_FIRST_AFTER = 120.0
"""Seconds after the start, when a daemon has more urgent work."""
_INTERVAL_SECONDS = 24 * 3600.0
_RETRY_SECONDS = 3600.0
"""While it is not whole: whoever put it right sees it soon."""
_PAUSE_SECONDS = 0.1
"""Seconds between two pieces."""


class _StoppedError(Exception):
    """The daemon ends: the verification is broken off."""


class LogVerificationTask:
    """Periodic work beside the workers, once a day."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._begun = False
        self._alarm = ""
        self._unchecked: list[str] = []
        self.task = PeriodicTask(
            "log-verification", self._run_once, "the audit log cannot be verified now", _RETRY_SECONDS
        )

    def alarms(self) -> list[str]:
        """What the last verification found, for `status`."""
        return [self._alarm] if self._alarm else []

    def problems(self) -> list[str]:
        """Problems, for `status`."""
        return [f"the audit log is not wholly verified: {trouble}" for trouble in self._unchecked]

    def _run_once(self) -> float:
        from goodhoster.assembly.audit import note_verification, verify_what_is_new  # noqa: PLC0415 - once a day

        if not self._begun:
            self._begun = True
            return max(_FIRST_AFTER, self._until_due())
        try:
            check = verify_what_is_new(self._services.settings, self._pause)
        except _StoppedError:
            return _RETRY_SECONDS
        note_verification(self._services.settings, check)
        self._unchecked = list(check.unchecked)
        for trouble in check.unchecked:
            _log.warning("not compared with the audit log today: %s", trouble)
        self._alert(check)
        return _INTERVAL_SECONDS if check.finding.ok else _RETRY_SECONDS

    def _until_due(self) -> float:
        """Seconds until a day after the last verification.

        Whoever restarts often does not verify as often.
        """
        from goodhoster.assembly.audit import last_verification  # noqa: PLC0415 - as above

        last = last_verification(self._services.settings)
        if last is None or not last.ok:
            return 0.0
        ago = (datetime.now(UTC) - last.at).total_seconds()
        return _INTERVAL_SECONDS - ago if 0 <= ago < _INTERVAL_SECONDS else 0.0

    def _pause(self) -> None:
        if self.task.stopping.wait(_PAUSE_SECONDS):
            raise _StoppedError

    def _alert(self, check: LogCheck) -> None:
        """Page a person about a log that is not whole, once a day."""
        finding = check.finding
        if finding.ok:
            self._alarm = ""
            return
        self._alarm = f"ALARM: the audit log is not whole from entry {finding.first_bad} on: goodhoster audit verify"
        _log.critical("the audit log is not whole from entry %s on: %s", finding.first_bad, finding.problem)
        text = (
            f"NOT whole from entry {finding.first_bad} on: {finding.problem}\n"
            "Keep the log and its copies as they are, and compare with a checkpoint that was kept elsewhere:\n"
            "goodhoster audit verify --checkpoint FILE\n"
        )
        about = f"audit log {datetime.now(UTC):%Y-%m-%d} {finding.first_bad}"
        try:
            self._services.pager.page("goodhoster: the audit log is not whole", text, AlertKind.ALARM, about)
        except PassingError as error:
            _log.error("no alert could be delivered that the audit log is not whole: %s", error)
