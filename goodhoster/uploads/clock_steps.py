"""Correction of queue times when the system clock is set.

What waits in the queue waits as long as intended, whatever the clock shows.

Rows carry moments of the system's clock. When that clock is set, the moments of all rows that wait are moved by as
much, once, by whichever process sees it first. Only over a restart of the machine it cannot be known how far it was
set: then whatever was put off is due. So is what waits since a moment, or until one, that cannot be: the monotonic
clock may have been wrong, too, as in a virtual machine that was copied.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from goodhoster.uploads.rows import RowWait

SCHEMA = "CREATE TABLE IF NOT EXISTS clock (boot TEXT NOT NULL, ahead REAL NOT NULL);"
_NOTICEABLE = 1.0
"""Seconds. A clock that is merely corrected runs a few thousandths faster or slower."""
LONGEST_WAIT = 2 * 86400.0
"""Seconds. Nothing is put off for so long, see `check_scheduling`."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Reading of the system's clock and of the monotonic clock."""

    boot: str
    """Names the time since this start of the machine."""
    ahead: float
    """Seconds by which the system's clock is ahead of the time since then, suspension included."""


def read_clock() -> ClockReading:
    """Read the clocks."""
    return ClockReading(_boot(), time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))


@cache
def _boot() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()


def is_step(before: ClockReading, now: ClockReading) -> bool:
    """Whether the clock was set, or the machine rebooted, between the two readings."""
    return before.boot != now.boot or abs(before.ahead - now.ahead) > _NOTICEABLE


def follow(db: sqlite3.Connection, now: ClockReading, moment: float) -> None:
    """Move what waits, unless another process did, and record the clock reading.

    `moment` is what the system's clock shows.
    """
    _move(db, now, moment)
    late = f"UPDATE uploads SET due = ? WHERE waiting = {RowWait.DUE:d} AND due > ?"  # noqa: S608 - our own texts
    db.execute(late, (moment, moment + LONGEST_WAIT))


def _move(db: sqlite3.Connection, now: ClockReading, moment: float) -> None:
    found = db.execute("SELECT boot, ahead FROM clock").fetchone()
    before = ClockReading(*found) if found else None
    if before is not None and not is_step(before, now):
        return
    if before is not None and before.boot == now.boot:
        by = now.ahead - before.ahead
        due = f"UPDATE uploads SET due = due + ?, since = since + ? WHERE waiting = {RowWait.DUE:d}"  # noqa: S608
        db.execute(due, (by, by))
        db.execute(f"UPDATE uploads SET since = since + ? WHERE waiting = {RowWait.TURN:d}", (by,))  # noqa: S608 - the same
    elif before is not None:
        db.execute(f"UPDATE uploads SET due = 0 WHERE waiting = {RowWait.DUE:d}")  # noqa: S608 - our own texts
    for state in (RowWait.DUE, RowWait.TURN):  # nobody knows since when these wait: at least from now on
        odd = f"UPDATE uploads SET since = ?, due = min(due, ?) WHERE waiting = {state:d} AND (since > ? OR since < 0)"  # noqa: S608
        db.execute(odd, (moment, moment, moment + _NOTICEABLE))
    db.execute("DELETE FROM clock")
    db.execute("INSERT INTO clock VALUES (?, ?)", (now.boot, now.ahead))
