"""Runs over the caches in front of our sites; no measure waits for a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.takedowns.purging import PurgeDesk

_INTERVAL_SECONDS = 2.0
_AFTER_FAILURE = 30.0


class PurgeTask(PeriodicTask):
    """Runs over what is to be purged, in a thread of their own."""

    def __init__(self, desk: PurgeDesk) -> None:
        self._desk = desk
        super().__init__("purges", self._round, "caches in front of our sites cannot be purged now", _AFTER_FAILURE)

    def problems(self) -> list[str]:
        """Problems, for `status`."""
        return [*super().problems(), *self._desk.problems()]

    def _round(self) -> float:
        self._desk.round(self.stopping.is_set)
        return _INTERVAL_SECONDS
