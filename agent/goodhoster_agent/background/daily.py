"""Daily work: has every match a proven outcome, how many checks were there, monthly figures.

Once a day record, log, index and quarantine are compared; a match without a proven outcome raises an alarm. The checks
of each day go into the audit log, because the index may be made anew and forgets.
"""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from goodhoster.assembly.services import Services
from goodhoster.errors import PassingError
from goodhoster.model.alerts import AlertKind
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.assembly.reports.outcomes import OutcomeCheck

_log = logging.getLogger(__name__)
_FIRST_AFTER = 60.0
"""Seconds after the start: what a crash left under way ends before."""
_INTERVAL_SECONDS = 24 * 3600.0
_RETRY_SECONDS = 300.0
"""Seconds after a comparison that failed, could not read everything, or found something: what stands in `status` is
withdrawn soon after it is mended."""
_SHARE = 20.0
"""Of the time at most a comparison that is repeated so takes a twentieth."""
_NAMED = 20
"""Findings in one alert."""


class DailyWork:
    """Periodic work beside the workers, once a day."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._begun = False
        self._alarm = ""
        self._told: frozenset[tuple[str, str, str]] = frozenset()
        failing = "record, audit log and quarantine cannot be compared now"
        self.task = PeriodicTask("daily", self._run_once, failing, _RETRY_SECONDS)

    def alarms(self) -> list[str]:
        """What the last comparison found, for `status`."""
        return [self._alarm] if self._alarm else []

    def _run_once(self) -> float:
        if not self._begun:
            self._begun = True
            return _FIRST_AFTER
        # Here, so that no daemon carries it from its start.
        from goodhoster.assembly.reports.check_counts import count_checks  # noqa: PLC0415
        from goodhoster.assembly.reports.maker import send_monthly  # noqa: PLC0415
        from goodhoster.assembly.reports.outcomes import check_outcomes  # noqa: PLC0415

        if self._services.customers.in_use:
            self._services.customers.personal_data.complete()
        count_checks(self._services, datetime.now(UTC).date())
        if self._services.settings.reports.monthly_to:
            send_monthly(self._services)
        began = time.monotonic()
        check = check_outcomes(self._services)
        again = max(_RETRY_SECONDS, _SHARE * (time.monotonic() - began))
        told = self._alert(check)
        return _INTERVAL_SECONDS if told and not check.unchecked and not self._alarm else again

    def _alert(self, check: OutcomeCheck) -> bool:
        """Page a person about what nobody was told of yet.

        It stands in `status` as long as it lasts. False when no alert could be delivered.
        """
        for trouble in check.unchecked:
            _log.warning("not compared today: %s", trouble)
        findings = check.comparison.findings
        count = len(findings)
        self._alarm = f"ALARM: {count} matches without a proven outcome: goodhoster audit outcomes" if findings else ""
        now = frozenset((finding.problem.value, finding.case, finding.path) for finding in findings)
        if not now - self._told:
            self._told = now
            return True
        _log.critical("%d matches have no proven outcome: goodhoster audit outcomes", count)
        lines = [f"{each.problem}: {each.case} {each.path}: {each.why}; {each.next_step}" for each in findings[:_NAMED]]
        more = [f"and {count - _NAMED} more"] if count > _NAMED else []
        subject = f"goodhoster: {count} matches without a proven outcome"
        try:
            text = "\n".join([*lines, *more, "See: goodhoster audit outcomes", ""])
            # Once a day and kind of findings, whatever was restarted meanwhile.
            found = hashlib.sha256(repr(sorted(now)).encode()).hexdigest()[:16]
            about = f"outcomes {datetime.now(UTC):%Y-%m-%d} {found}"
            self._services.pager.page(subject, text, AlertKind.ALARM, about)
        except PassingError as error:
            _log.error("no alert could be delivered: %s (%s)", error, subject)
            return False
        self._told = now
        return True
