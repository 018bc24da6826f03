"""The file with figures for node_exporter's textfile collector, written by the daemon."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services

_log = logging.getLogger(__name__)


class MetricsFile:
    """Periodic work beside the workers; only where [metrics] file is set."""

    def __init__(self, services: Services, file: Path) -> None:
        self._services = services
        self._file = file
        failing = "the file of metrics cannot be written now"
        self.task = PeriodicTask("metrics", self._run_once, failing, services.settings.metrics.every)

    def _run_once(self) -> float:
        from goodhoster_agent.status.metrics import metrics_text, write_metrics  # noqa: PLC0415 - only where one is set

        write_metrics(self._file, metrics_text(self._services))
        return self._services.settings.metrics.every

    def end(self) -> None:
        """Say that the daemon has ended, so that no old figure is taken for a new one."""
        from goodhoster_agent.status.metrics import ended_text, write_metrics  # noqa: PLC0415 - only where one is set

        try:
            write_metrics(self._file, ended_text())
        except OSError as error:
            _log.error("%s keeps old figures: %s", self._file, error)
