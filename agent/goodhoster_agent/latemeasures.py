"""Measures that come late: their sources are asked again before anything is done.

A measure waits when nobody could carry it out for a while, such as without a mover or after a crash. What its sources
said then may have been withdrawn since. While they cannot be asked it goes on waiting, and `status` says so.
"""

from __future__ import annotations

import logging
import threading

from goodhoster.errors import GoodhosterError
from goodhoster.toolkit import Toolkit

_log = logging.getLogger(__name__)
_LOOK_EVERY = 5.0
_LONGEST = 60.0
"""Seconds between looks, and between questions to sources that do not answer."""


class LateMeasures:
    """One thread beside the workers; idle while no measure is late."""

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit
        self._stopping = threading.Event()
        self._waiting = 0
        self._complaint = ""
        self._thread = threading.Thread(target=self._watch, name="late-measures")

    def start(self) -> None:
        """Begin; what a crash left is asked about first."""
        self._thread.start()

    def stop(self) -> None:
        """End after the case in hand; the rest waits in the record."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def problems(self) -> list[str]:
        """What is not as it should be, for `status`."""
        words = f"{self._waiting} measures wait for their hash sources to be asked again: the files may be online"
        return [words] if self._waiting else []

    def _watch(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                done = self._look()
                pause = _LOOK_EVERY if done else min(_LONGEST, max(_LOOK_EVERY, pause * 2))
                self._complaint = ""
            except (GoodhosterError, OSError) as error:
                self._complain(error)
                pause = _LONGEST

    def _look(self) -> bool:
        """Did all move on that were late, or some?"""
        moved = 0
        for case in self._toolkit.late():
            if self._stopping.is_set():
                return True
            after = self._toolkit.catch_up(case)
            if after != case:
                moved += 1
                _log.warning("case %s: %s is %s now (%s)", case.id, after.upload.place, after.state, after.reason)
        self._waiting = len(self._toolkit.late())
        return moved > 0 or not self._waiting

    def _complain(self, error: Exception) -> None:
        """Once about the same thing."""
        if str(error) != self._complaint:
            _log.error("measures that come late cannot be looked after now: %s", error)
        self._complaint = str(error)
