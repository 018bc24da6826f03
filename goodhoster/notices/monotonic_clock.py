"""Monotonic UTC clock for deadlines, unaffected when the system clock is set back.

A deadline is a promise about elapsed time. When the system's clock is set back by a day, time goes on here from the
latest moment that was seen, at the pace of the monotonic clock; when it is set forward, or the machine was off, time
goes forward with it: then a warning may come too early, never too late. All moments are UTC, so that daylight saving
changes nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from goodhoster.linux.durable_files import remove_left_drafts
from goodhoster.ports import Clock

_log = logging.getLogger(__name__)
_WRITE_EVERY = timedelta(seconds=30)
_NEVER = datetime.min.replace(tzinfo=UTC)
_NOTICEABLE = timedelta(seconds=60)


class MonotonicClock:
    """Clock with its latest moment in a file, which processes may share. See `ports.Clock`."""

    def __init__(self, file: Path, wall: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._latest = max(wall(), _read(file))
        self._at = monotonic()
        self._written = _NEVER
        self._full = False
        self._behind = False

    def __call__(self) -> datetime:
        """See `ports.Clock`."""
        with self._lock:
            at, wall = self._monotonic(), self._wall()
            steady = self._latest + timedelta(seconds=at - self._at)
            self._log_change(steady - wall)
            self._latest, self._at = max(wall, steady), at
            if self._latest - self._written >= _WRITE_EVERY:
                self._write()
            return self._latest

    def ahead(self) -> timedelta:
        """How far it is ahead of the system's clock, which was set back since."""
        with self._lock:
            return self._latest + timedelta(seconds=self._monotonic() - self._at) - self._wall()

    def _log_change(self, behind: timedelta) -> None:
        if (behind > _NOTICEABLE) is not self._behind:
            self._behind = not self._behind
            _log.warning(
                "the system's clock is %s: deadlines continue by elapsed time",
                f"{behind.total_seconds():.0f} s behind what it was" if self._behind else "right again",
            )

    def _write(self) -> None:
        draft = self._file.with_suffix(f".{os.getpid()}")  # each process its own: one takes no other's away
        try:
            draft.write_text(self._latest.isoformat(), encoding="ascii")
            draft.replace(self._file)
            if self._written == _NEVER:
                remove_left_drafts(self._file.parent, f"{self._file.name}.")
            self._full = False
        except OSError as error:  # what only reads goes on with a full disk; over a restart the system's clock counts
            if not self._full:
                _log.warning("the deadline clock %s cannot be written: %s", self._file, error.strerror)
            self._full = True
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        self._written = self._latest


def _read(file: Path) -> datetime:
    try:
        # Written with its zone; a person who mends it may have left that away.
        found = datetime.fromisoformat(file.read_text(encoding="ascii").strip())
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (FileNotFoundError, ValueError):  # none yet, or cut off by a power cut: the system's clock alone then
        return datetime.min.replace(tzinfo=UTC)
