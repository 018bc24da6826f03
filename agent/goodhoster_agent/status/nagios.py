"""The state of this host for Nagios and Icinga: one line, performance data, an exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from goodhoster.errors import GoodhosterError
from goodhoster_agent.status.objects import status_object

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_LONGEST_LINE = 300


def nagios_check(services: Callable[[], Services]) -> tuple[str, int]:
    """The line, and the exit code. What cannot be looked at is UNKNOWN, never OK."""
    try:
        with services() as opened:
            status = status_object(opened)
    except (GoodhosterError, OSError) as error:
        return f"GOODHOSTER UNKNOWN - {_plain(str(error))}", UNKNOWN
    code, words = judge(status)
    return f"GOODHOSTER {_WORDS[code]} - {_plain(words)} | {performance_data(status)}", code


def judge(status: Mapping[str, Any]) -> tuple[int, str]:
    """The exit code of a status, and why."""
    if not status["answers"]:
        return UNKNOWN, "the daemon does not answer"
    if not status["ready"]:
        return CRITICAL, "the daemon does not run: nothing new is checked"
    alarms = [line for line in status["degraded"] if line.startswith("ALARM")]
    if status["overdue_notices"]:
        alarms.insert(0, f"{status['overdue_notices']} notices are overdue")
    if alarms:
        return CRITICAL, "; ".join(alarms)
    warnings = [*status["degraded"], *status["open_storms"]]
    if status["held"]:
        warnings.append(f"{status['held']} matches are held for a person")
    if warnings:
        return WARNING, "; ".join(warnings)
    return OK, f"{status['queue']} files wait, {status['open_notices']} notices are open, mode {status['mode']}"


def performance_data(status: Mapping[str, Any]) -> str:
    """`label=value[unit];warn;crit;min` of each figure."""
    return (
        f"queue={status['queue']};;;0 oldest_queued={status['oldest_queued_s']:.1f}s;;;0"
        f" unchecked={status['unchecked']};;;0 held={status['held']};0;;0"
        f" open_notices={status['open_notices']};;;0 overdue_notices={status['overdue_notices']};;0;0"
        f" degraded={len(status['degraded'])};0;;0"
    )


def _plain(text: str) -> str:
    """One line without the separators of a plugin's output."""
    return " ".join(text.replace("|", "/").split())[:_LONGEST_LINE]
