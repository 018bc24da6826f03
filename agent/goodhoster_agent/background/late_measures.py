"""Measures that come late: their sources are asked again before anything is done.

A measure waits when nobody could carry it out for a while, such as without a mover or after a crash. What its sources
said then may have been withdrawn since. While they cannot be asked it goes on waiting, and `status` says so.
"""

from __future__ import annotations

import logging

from goodhoster.errors import PassingError
from goodhoster.toolkit import Toolkit
from goodhoster_agent.background.periodic import PeriodicTask

_log = logging.getLogger(__name__)
_POLL_SECONDS = 5.0
_LONGEST_POLL_SECONDS = 60.0
"""Seconds between looks, and between questions to sources that do not answer."""


class LateMeasureTask:
    """Periodic work beside the workers; idle while no measure is late.

    What a crash left is asked about first.
    """

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit
        self._waiting = 0
        self._pause = 0.0
        failing = "late measures cannot be processed now"
        self.task = PeriodicTask("late-measures", self._run_once, failing, _LONGEST_POLL_SECONDS)

    def problems(self) -> list[str]:
        """Problems, for `status`."""
        words = f"{self._waiting} measures wait for their hash sources to be asked again: the files may be online"
        return [words] if self._waiting else []

    def _run_once(self) -> float:
        self._pause = (
            _POLL_SECONDS
            if self._proceed_with_late()
            else min(_LONGEST_POLL_SECONDS, max(_POLL_SECONDS, self._pause * 2))
        )
        return self._pause

    def _proceed_with_late(self) -> bool:
        """Continue late measures; whether all moved on, or some."""
        moved, failed = 0, None
        for storm in self._toolkit.recover_storms():
            _log.warning("the decision about storm %s, which a crash had interrupted, is carried out now", storm)
        for case in self._toolkit.late():
            if self.task.stopping.is_set():
                return True
            try:
                after = self._toolkit.proceed(case)
            except Exception as error:  # noqa: BLE001 - the measures behind it are no less late
                failed = failed or PassingError(f"case {case.id}: {str(error) or type(error).__name__}")
                failed.__cause__ = failed.__cause__ or error
                continue
            if after != case:
                moved += 1
                _log.warning("case %s: %s is %s now (%s)", case.id, after.upload.place, after.state, after.reason)
        self._waiting = len(self._toolkit.late())
        if failed:
            raise failed
        return moved > 0 or not self._waiting
