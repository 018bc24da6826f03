"""Daily deletion of what nobody needs any more, slowly: see `[retention]`."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from goodhoster.assembly.services import Services
from goodhoster.errors import GoodhosterError
from goodhoster_agent.background.periodic import PeriodicTask

_log = logging.getLogger(__name__)
_FIRST_AFTER = 600.0
"""Seconds after the start: what comes first then is checking."""
_INTERVAL_SECONDS = 24 * 3600.0
_RETRY_SECONDS = 3600.0
_PAUSE_SECONDS = 0.05
"""Seconds between two pieces, in which others have disk and database for themselves."""


class RetentionTask:
    """Periodic work beside the workers, once a day."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._begun = False
        self.task = PeriodicTask("retention", self._run_once, "expired data cannot be deleted now", _RETRY_SECONDS)

    def _run_once(self) -> float:
        if not self._begun:
            self._begun = True
            return _FIRST_AFTER
        # Here, so that no daemon carries it from its start.
        from goodhoster.assembly.retention import ExpiringFile, apply_retention  # noqa: PLC0415
        from goodhoster_agent.doors.usage_figures import EXPIRING, FIGURES, figures_file  # noqa: PLC0415

        figures = ExpiringFile("counters", figures_file(self._services.state_dir), FIGURES, EXPIRING)
        result = apply_retention(self._services, datetime.now(UTC), self._pause, [figures])
        for kind, count in result.deleted.items():
            _log.info("deleted as [retention] says: %d of %s", count, kind)
        if result.failed:
            raise GoodhosterError("; ".join(result.failed))
        return _INTERVAL_SECONDS

    def _pause(self) -> bool:
        return self.task.stopping.wait(_PAUSE_SECONDS)
