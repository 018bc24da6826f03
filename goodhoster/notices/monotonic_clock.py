"""Monotonic UTC clock for deadlines, unaffected when the system clock is set.

A deadline is a promise about elapsed time. When the system's clock is set back by a day, time goes on here from what
was seen to pass, at the pace of the kernel's own count; when it is set forward, deadlines follow it as long as it
stays so: then a warning may come too early, never too late. But it counts as time that passed only once it stood for a
day (after a start of the machine: an hour), so that a clock that was wrong for a moment is without consequence. All
moments are UTC, so that daylight saving changes nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from goodhoster.linux.durable_files import remove_left_drafts
from goodhoster.linux.observed_time import read_uptime
from goodhoster.ports import Clock

_log = logging.getLogger(__name__)
_WRITE_EVERY = timedelta(seconds=30)
_NEVER = datetime.min.replace(tzinfo=UTC)
_NOTICEABLE = timedelta(seconds=60)
_FAR = timedelta(hours=1)
_COARSE = 1.0
"""Seconds by which the kernel's count, as another process read it, may be ahead: it is told in hundredths."""
_BELIEVED_AFTER = 86400.0
"""Seconds for which a clock that was set forward must stay so until that time counts as passed."""
_BELIEVED_AFTER_START = 3600.0
"""Seconds for which it must stay so where the machine was off before: then the clock normally moved on for a reason."""


@dataclass(frozen=True, slots=True)
class _SeenTime:
    """The time that was seen to pass, and when that was, by the kernel's count."""

    seen: datetime = _NEVER
    boot: str = ""
    up: float = 0.0
    ahead_since: float | None = None
    """Since when, by that count, the system's clock has been ahead of it."""
    after_start: bool = False
    """Whether that began with a start of the machine."""


class MonotonicClock:
    """Clock whose time is kept in a file, for several processes. See `ports.Clock`."""

    def __init__(
        self,
        file: Path,
        wall: Clock,
        monotonic: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        uptime: Callable[[], tuple[str, float]] = read_uptime,
    ) -> None:
        self._file = file
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        try:
            boot, up = uptime()
        except OSError:  # hidden from this process: then it goes on as after a start
            boot, up = "", monotonic()
        # Read once: whoever shows this process a wrong clock may show it a wrong count, too, but one that goes on.
        self._up_ahead = up - monotonic()
        self._state = _resumed(_read(file), boot, up, wall())
        self._written = _NEVER
        self._full = False
        self._behind = False

    def __call__(self) -> datetime:
        """See `ports.Clock`."""
        with self._lock:
            wall = self._advance()
            return max(wall, self._state.seen)

    def seen(self) -> datetime:
        """The time that was seen to pass, which a clock that was just set forward does not move."""
        with self._lock:
            self._advance()
            return self._state.seen

    def ahead(self) -> timedelta:
        """How far it is ahead of the system's clock, which was set back since."""
        with self._lock:
            return self._steady(self._up()) - self._wall()

    def problem(self) -> str:
        """What is wrong with the system's clock, and what helps; empty where it is within an hour."""
        ahead = self.ahead()
        with self._lock:
            after_start = self._state.after_start
        hours = f"{abs(ahead).total_seconds() / 3600:.0f} h"
        if ahead >= _FAR:
            return (
                f"the clock of deadlines is {hours} ahead of the system's clock, which was ahead once or is behind "
                "now: set it right (timedatectl); "
                f"where it is right, stop goodhoster, remove {self._file} and start it again"
            )
        if ahead <= -_FAR and not after_start:
            return (
                f"the system's clock was set {hours} forward, without so much time being seen to pass: set it right "
                "(timedatectl); where it is right, that time counts as passed after a day"
            )
        return ""

    def _up(self) -> float:
        return self._monotonic() + self._up_ahead

    def _steady(self, up: float) -> datetime:
        return self._state.seen + timedelta(seconds=max(0.0, up - self._state.up))

    def _advance(self) -> datetime:
        """Count what passed since the last reading; what the system's clock shows."""
        up, wall = self._up(), self._wall()
        steady = self._steady(up)
        self._log_change(steady - wall)
        before, self._state = self._state, _next(self._state, steady, up, wall)
        changed = (before.ahead_since is None) is not (self._state.ahead_since is None)
        if changed or self._state.seen - self._written >= _WRITE_EVERY:
            self._write()
        return wall

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
            draft.write_text(_written(self._state), encoding="ascii")
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
        self._written = self._state.seen


def _resumed(kept: _SeenTime, boot: str, up: float, wall: datetime) -> _SeenTime:
    """The kept state as this process goes on from it."""
    if kept.seen == _NEVER:
        return _SeenTime(wall, boot, up)
    if boot and kept.boot == boot and kept.up <= up + _COARSE:
        return kept
    return _SeenTime(kept.seen, boot, up, up, after_start=True)


def _next(before: _SeenTime, steady: datetime, up: float, wall: datetime) -> _SeenTime:
    """The state after a reading.

    It takes the system clock's word where that is near what was seen to pass, or has stood long enough.
    """
    if wall <= steady + _NOTICEABLE:
        return _SeenTime(max(wall, steady), before.boot, up)
    since = up if before.ahead_since is None else before.ahead_since
    after_start = before.after_start and before.ahead_since is not None
    if up - since >= (_BELIEVED_AFTER_START if after_start else _BELIEVED_AFTER):
        return _SeenTime(wall, before.boot, up)
    return _SeenTime(steady, before.boot, up, since, after_start)


def _written(state: _SeenTime) -> str:
    since = "-" if state.ahead_since is None else repr(state.ahead_since)
    return (
        f"{state.seen.isoformat()} {state.boot or '-'} {state.up!r} {since} {'start' if state.after_start else '-'}\n"
    )


def _read(file: Path) -> _SeenTime:
    try:
        moment, *more = file.read_text(encoding="ascii").split()
        # Written with its zone; a person who mends it may have left that away.
        found = datetime.fromisoformat(moment)
        seen = found if found.tzinfo else found.replace(tzinfo=UTC)
        if not more:
            return _SeenTime(seen)
        boot, up, since, start = more
        return _SeenTime(seen, boot, float(up), None if since == "-" else float(since), start == "start")
    except (FileNotFoundError, ValueError):  # none yet, or cut off by a power cut: the system's clock alone then
        return _SeenTime()
