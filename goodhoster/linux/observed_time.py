"""Time that was seen to pass, which no clock that is set can shorten or lengthen.

Within one start of the machine it is the kernel's own count, whatever the system's clock shows; over a restart it is
what the clock moved on, and no more than an hour of it: how far it was set meanwhile cannot be known.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from goodhoster.linux.durable_files import replace_durably

_MOST_OVER_A_RESTART = 3600.0
_JUMP = timedelta(days=3)
"""Of daily runs: when more passed since the last, the clock may be wrong."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UPTIME = Path("/proc/uptime")
"""The same count as CLOCK_BOOTTIME, and not what a library in this process (faketime) makes of that."""


@dataclass(frozen=True, slots=True)
class TimeReading:
    """The clocks at one moment."""

    boot: str
    """Names the time since this start of the machine."""
    running: float
    """Seconds since then, suspension included."""
    wall: float
    """What the system's clock shows, in seconds."""


@dataclass(frozen=True, slots=True)
class ObservedTime:
    """The seconds that were seen to pass up to a reading."""

    total: float
    last: TimeReading


def read_time() -> TimeReading:
    """Read the clocks."""
    boot, running = read_uptime()
    return TimeReading(boot, running, time.time())


def read_uptime() -> tuple[str, float]:
    """Name of this start of the machine, and the seconds since then, suspension included."""
    try:
        running = float(_UPTIME.read_text(encoding="ascii").split()[0])
    except OSError:  # hidden from this process
        running = time.clock_gettime(time.CLOCK_BOOTTIME)
    return _BOOT_ID.read_text(encoding="ascii").strip(), running


def clock_jumped(file: Path, now: datetime) -> bool:
    """Note a daily run in the file; true when the one before is unknown, later or long ago.

    What deletes by age does nothing then: a clock that is a year ahead for a moment must cost nothing.
    """
    try:
        last = datetime.fromisoformat(file.read_text(encoding="ascii").strip())
        jumped = not last <= now <= last + _JUMP
    except (FileNotFoundError, ValueError, TypeError):
        jumped = True
    replace_durably(file, [now.isoformat().encode() + b"\n"])
    return jumped


def observed(before: ObservedTime | None, now: TimeReading) -> ObservedTime:
    """Add what passed since the last reading; never less than nothing."""
    if before is None:
        return ObservedTime(0.0, now)
    if before.last.boot == now.boot:
        return ObservedTime(before.total + max(0.0, now.running - before.last.running), now)
    passed = min(max(0.0, now.wall - before.last.wall), _MOST_OVER_A_RESTART)
    return ObservedTime(before.total + passed, now)
