"""Sealing of what was taken offline, and what is due of the evidence.

New cases are looked at every few seconds, all of them at the start and hourly: what a crash, a full disk or another
process left is sealed then. In mode observe nothing is sealed and nothing is destroyed.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from goodhoster.assembly.services import Services
from goodhoster.linux.observed_time import clock_jumped
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.cases.sealing import Unsealed

_log = logging.getLogger(__name__)
_INTERVAL_SECONDS = 10.0
_NEW = timedelta(days=2)
"""Cases that were opened since then are looked at every time."""
_ALL_EVERY = timedelta(hours=1)
_DUE_EVERY = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
_NAMED = 5
_LAST_ROUND = "evidence.last"


class SealingTask:
    """Periodic work beside the workers; none where nobody is to be sealed for."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._all_at = self._due_at = _NEVER
        self._left: dict[str, Unsealed] = {}
        self._recipients_differ = False
        self._failed: list[str] = []
        self.tasks: tuple[PeriodicTask, ...] = ()
        self._stay: list[str] = []
        if services.evidence.in_use or services.evidence.destroying:
            self.tasks = (PeriodicTask("sealing", self._run_once, "evidence cannot be sealed now", 60.0),)

    def alarms(self) -> list[str]:
        """What is not sealed, and why, for `status`."""
        alarms = []
        if left := list(self._left.values()):
            alarms.append(f"ALARM: {len(left)} files that were taken offline are not sealed: {left[0].why}")
        if self.tasks and self._services.evidence.in_use and not self._services.evidence.sealing:
            alarms.append("ALARM: evidence was sealed here, and now nothing is: [evidence] recipients is not set")
        if self._recipients_differ:
            alarms.append(
                "ALARM: the recipients of evidence were changed, which two persons must order: evidence recipients"
            )
        alarms += [f"ALARM: retention of evidence fails: {failed}" for failed in self._failed[:_NAMED]]
        return [*alarms, *self._stay[:_NAMED]]

    def _run_once(self) -> float:
        if not self._services.rules.enforce:
            return _INTERVAL_SECONDS
        now = datetime.now(UTC)
        if self._services.evidence.sealing:
            self._seal(now)
        if now >= self._due_at + _DUE_EVERY or now < self._due_at:
            self._failed = []
            self._destroy_expired(now)
            self._due_at = now
        return _INTERVAL_SECONDS

    def _destroy_expired(self, now: datetime) -> None:
        """Destroy what is due; nothing while the clock may be wrong.

        A destroyed file never comes back.
        """
        if clock_jumped(self._services.state_dir / _LAST_ROUND, now):
            _log.warning("nothing is destroyed in this run: no earlier run is known, or the clock has jumped since")
            return
        if self._services.evidence.in_use:
            self._apply_retention()
        if self._services.evidence.destroying:
            self._destroy()

    def _seal(self, now: datetime) -> None:
        everything = now >= self._all_at + _ALL_EVERY or now < self._all_at
        pending, stopping = self._services.evidence.pending_seals, self.tasks[0].stopping
        left = pending.run_once(None if everything else now - _NEW, stopping.is_set)
        found = {one.subject.id: one for one in left}
        if everything:
            self._all_at = now
        else:  # those that this run did not look at stay until the next one that looks at all
            old = {key: one for key, one in self._left.items() if one.opened_at < now - _NEW}
            found = old | found
        for key, one in found.items():
            if key not in self._left or self._left[key].why != one.why:
                _log.error("evidence %s is not sealed: %s", key, one.why)
        self._left = found
        self._recipients_differ = pending.sealer.recipients_differ()

    def _apply_retention(self) -> None:
        result = self._services.evidence.custody.apply_retention()
        if result.announced:
            _log.warning(
                "%d pieces of evidence are destroyed in 7 days, as their retention is over (see evidence hold): %s",
                len(result.announced),
                ", ".join(result.announced[:_NAMED]),
            )
        if result.destroyed:
            named = ", ".join(result.destroyed[:_NAMED])
            _log.warning("%d pieces of evidence were destroyed, as announced: %s", len(result.destroyed), named)
        self._failed += result.failed
        for failed in result.failed:
            _log.error("retention of evidence: %s", failed)

    def _destroy(self) -> None:
        result = self._services.evidence.destruction.run_once(self.tasks[0].stopping.is_set)
        if result.destroyed:
            named = ", ".join(result.destroyed[:_NAMED])
            _log.warning(
                "%d files in quarantine were destroyed, as their restore window is over: %s",
                len(result.destroyed),
                named,
            )
        for name, why in result.stayed.items():
            _log.info("%s stays in quarantine after its restore window: %s", name, why)
        self._stay = [
            f"{name} stays in quarantine after its restore window: {why}" for name, why in result.unsealed.items()
        ]
        self._failed += [f"{name} is not destroyed in quarantine: {why}" for name, why in result.failed.items()]
