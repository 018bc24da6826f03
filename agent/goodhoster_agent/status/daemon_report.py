"""The daemon's report about itself for `goodhoster status`.

A small file, replaced as a whole every few seconds.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from goodhoster.model.sources import SourceHealth

_NAME = "status.json"


@dataclass(frozen=True, slots=True)
class DaemonReport:
    """The state of a running daemon."""

    pid: int
    mode: str
    events: str
    """Where hints come from."""
    events_reason: str
    """Why from there."""
    trees: tuple[str, ...]
    scanning: bool
    """A whole tree is being compared with the index."""
    gaps: int
    last_gap: str
    degraded: tuple[str, ...]
    """What is not as it should be, in words."""
    sources: tuple[dict[str, Any], ...]
    comparisons: tuple[dict[str, Any], ...] = ()
    """How far the comparisons of whole trees are; a daemon of an earlier version does not tell."""


def source_as_object(health: SourceHealth) -> dict[str, Any]:
    """A source's figures as JSON carries them."""
    return asdict(health) | {
        "unchecked": dict(health.unchecked),
        "last_contact": health.last_contact.isoformat() if health.last_contact else None,
        "paused_until": health.paused_until.isoformat() if health.paused_until else None,
    }


def write_report(state_dir: Path, report: DaemonReport) -> None:
    """Replace the report; a reader sees the old or the new one."""
    new = state_dir / (_NAME + ".new")
    new.write_text(json.dumps(asdict(report)), encoding="utf-8")
    new.rename(state_dir / _NAME)


def read_report(state_dir: Path, pid: int) -> DaemonReport | None:
    """The report of that process; None while it has not written one."""
    try:
        data = json.loads((state_dir / _NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # the latter: cut off by a power loss, and not written anew yet
        return None
    return DaemonReport(**data) if data["pid"] == pid else None


def silent_for(state_dir: Path) -> float:
    """Seconds since the report was replaced; 0 where there is none."""
    try:
        return max(0.0, time.time() - (state_dir / _NAME).stat().st_mtime)
    except FileNotFoundError:
        return 0.0


def forget_report(state_dir: Path) -> None:
    """Remove the report when the daemon has ended."""
    (state_dir / _NAME).unlink(missing_ok=True)
