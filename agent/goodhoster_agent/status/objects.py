"""The state of this host as `--json` prints it and the HTTP door answers it."""

from __future__ import annotations

import errno
import time
from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lost_parts
from goodhoster.errors import PassingError
from goodhoster.linux.durable_files import has_no_room
from goodhoster.model.cases import CaseState
from goodhoster.model.customers.standing import AppealState, StepState
from goodhoster.ports import CaseQuery
from goodhoster.ports.common import utc_now
from goodhoster.settings import Settings
from goodhoster.uploads.census import IndexCensus
from goodhoster.uploads.rows import IndexFigures
from goodhoster_agent.daemon_lock import running_daemon
from goodhoster_agent.doctor.process_privileges import rights_of
from goodhoster_agent.privileged.starter.plan import terms_of
from goodhoster_agent.status.daemon_report import DaemonReport, read_report, silent_for
from goodhoster_agent.status.legal_basis import basis_problems

SILENT_AFTER = 60.0
"""Seconds after which a daemon that reports every second hangs: those after which systemd ends it."""


def status_object(services: Services) -> dict[str, Any]:
    """What is covered, what waits, what is degraded."""
    state_dir = services.settings.state_dir
    pid = running_daemon(state_dir)
    report = read_report(state_dir, pid) if pid else None
    silent = silent_for(state_dir) if report else 0.0
    full = is_disk_full(services.settings)  # then no daemon can write its report, and that it is silent says nothing
    figures = services.index.figures()
    held = services.case_store.count(CaseQuery(states=frozenset({CaseState.HELD})))
    overruled = services.case_store.count(CaseQuery(states=frozenset({CaseState.RESTORED})))
    notices = services.notices.figures()
    stopped, warnings = basis_problems(services)
    attempts, unread = _attempts(services)
    degraded = [
        *_degraded(pid, report, silent),
        *_other_mode(services, report),
        *_clock(services, report),
        *([f"the disk of {state_dir} is full: make room on it"] if full else []),
        *stopped,
        *unread,
        *(f"ALARM: {each}" for each in lost_parts(services.settings)),
    ]
    return {
        "ready": report is not None,
        "degraded": degraded,
        "answers": full or silent <= SILENT_AFTER,
        "legal_basis": warnings,
        **_mode(services, report),
        **_of_index(figures),
        "left_out": _left_out(services),
        "held": held,
        "attempts": attempts,
        "overruled": overruled,
        "open_storms": _open_storms(services),
        "suspensions": _suspensions(services),
        "steps": _steps(services),
        "owners_not_notified": _owners_not_notified(services),
        "open_notices": notices.open,
        "overdue_notices": notices.overdue,
        "notices_for_a_person": notices.needs_person,
        "open_appeals": _open_appeals(services),
        "crawl": _crawl(services),
        "processes": [asdict(rights) for rights in rights_of(pid, terms_of(services.settings))] if pid else [],
        **_of_daemon(report),
    }


def _of_index(figures: IndexFigures) -> dict[str, Any]:
    return {
        "queue": figures.waiting,
        "oldest_queued_s": max(0.0, round(time.time() - figures.oldest, 1)) if figures.oldest else 0.0,
        "unchecked": figures.verdicts.get("unchecked", 0),
        "verdicts": figures.verdicts,
        "unchecked_reasons": figures.reasons,
    }


def _open_storms(services: Services) -> list[str]:
    return [
        f"{storm.id} since {storm.started_at:%Y-%m-%d %H:%M} UTC, until somebody releases it: {storm.reason}"
        for storm in services.brake.open()
    ]


_COUNTS = (
    "queue",
    "oldest_queued_s",
    "unchecked",
    "held",
    "overruled",
    "open_notices",
    "overdue_notices",
    "notices_for_a_person",
    "open_appeals",
    "verdicts",
    "open_storms",
    "attempts",
)
"""What a status has no figures of while the record cannot be read."""


def is_disk_full(settings: Settings, error: Exception | None = None) -> bool:
    """Whether the disk of the state directory is full, or its quota used up."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return has_no_room(settings.state_dir)


def status_on_full_disk(settings: Settings, error: Exception) -> dict[str, Any]:
    """What is known while a full disk keeps the record from being read: the daemon's own report."""
    pid = running_daemon(settings.state_dir)
    report = read_report(settings.state_dir, pid) if pid else None
    silent = silent_for(settings.state_dir) if report else 0.0
    full = f"the disk of {settings.state_dir} is full: make room on it; what is recorded cannot be read now: {error}"
    return {
        "ready": report is not None,
        "degraded": [*_degraded(pid, report, silent), full],
        "answers": True,
        "mode": report.mode if report else settings.policy.mode,
        **dict.fromkeys(_COUNTS),
        **_of_daemon(report),
    }


def _degraded(pid: int | None, report: DaemonReport | None, silent: float) -> tuple[str, ...]:
    if report is None:
        starts = "the daemon starts: it has not reported yet" if pid else ""
        return (starts or "the daemon does not run: nothing new is checked",)
    hangs = (
        f"the daemon has not reported for {silent:.0f} s: it hangs, or its disk is full (journalctl -u goodhoster)",
    )
    return (*(hangs if silent > SILENT_AFTER else ()), *report.degraded)


def _clock(services: Services, report: DaemonReport | None) -> list[str]:
    """What is wrong with the system's clock, unless the daemon says so already."""
    problem = services.notices.clock.problem()
    told = report is not None and any("the system's clock" in line for line in report.degraded)
    return [problem] if problem and not told else []


def _attempts(services: Services) -> tuple[dict[str, Any], list[str]]:
    """The answers at the doors in the last seven days, and why they cannot be read."""
    since = (utc_now() - timedelta(days=6)).date()
    names = ("clear", "held", "refused", "unchecked")
    try:
        found = services.attempt_ledger.since(since)
    except PassingError as error:
        return {"since": since.isoformat(), **dict.fromkeys(names)}, [f"the doors' counts cannot be read: {error}"]
    return {"since": since.isoformat(), **{name: found.get(name, 0) for name in names}}, []


def _left_out(services: Services) -> dict[str, Any]:
    """Checks in seven days of files about which services are not asked, and what these are."""
    now = utc_now()
    since = now - timedelta(days=7)
    count = IndexCensus(services.index.database).left_out_between(since, now)
    kinds = [] if services.settings.agent.ask_about == "everything" else ["neither picture nor video"]
    return {"since": since.isoformat(), "checks": count, "kinds": kinds}


def _mode(services: Services, report: DaemonReport | None) -> dict[str, Any]:
    """The mode in force: the running daemon's own, whatever the configuration says by now."""
    found = mode_object(services)
    mode = report.mode if report else found["mode"]
    return {"mode": mode, "stopped_since": found["stopped_since"], "stopped_by": found["actor"]}


def _other_mode(services: Services, report: DaemonReport | None) -> list[str]:
    """Says that the daemon runs in another mode than the configuration and the switch ask for."""
    asked = mode_object(services)["mode"]
    if report is None or report.mode == asked:
        return []
    return [f"the daemon runs in mode {report.mode}, and mode {asked} is configured: systemctl reload goodhoster"]


def _crawl(services: Services) -> dict[str, Any] | None:
    """The last round over our own sites; None where [crawl] every is not set."""
    if services.settings.crawl.every is None:
        return None
    from goodhoster.takedowns.crawl_schedule import FILE, read_progress  # noqa: PLC0415 - only where one is set

    progress = read_progress(services.state_dir / FILE)
    if progress is None:
        return {"began_at": None, "ended_at": None, "urls": 0, "pages": 0, "found": 0, "unchecked": 0}
    ended = progress.ended_at.isoformat() if progress.ended_at else None
    times = {"began_at": progress.began_at.isoformat(), "ended_at": ended}
    counts = {name: getattr(progress, name) for name in ("urls", "pages", "found", "unchecked")}
    return {**times, **counts}


def _suspensions(services: Services) -> dict[str, Any]:
    """How many are not over, and those about which a person must do something."""
    found = services.customers.open_suspensions() if services.customers.in_use else []
    troubled = [f"{one.id} of {one.target}: {one.state}: {one.detail}" for one in found if one.state.needs_person]
    return {"open": len(found), "for_a_person": troubled}


def _steps(services: Services) -> list[str]:
    """The steps of the ladder that wait for a person or whose measure is not done."""
    if not services.customers.in_use:
        return []
    wanted = frozenset({StepState.WAITING, StepState.IMPOSING, StepState.LIFTING})
    found = services.customers.standing.store.steps_in(wanted)
    return [f"{one.id} of {one.customer}, {one.rung}: {one.state}: {one.trouble or one.reason}" for one in found]


def _open_appeals(services: Services) -> int:
    """The number of appeals that wait for a person's decision."""
    return services.customers.standing.store.count_appeals(AppealState.OPEN) if services.customers.in_use else 0


def _owners_not_notified(services: Services) -> dict[str, int]:
    """The number of exempt contents by source that its owner was not notified of.

    Contents that a source knows and that are exempt here.
    """
    return dict(Counter(report.source for report in services.owner_reports.waiting()))


def _of_daemon(report: DaemonReport | None) -> dict[str, Any]:
    if report is None:
        return {
            "pid": None,
            "events": None,
            "events_reason": "",
            "trees": [],
            "scanning": False,
            "comparisons": [],
            "gaps": 0,
            "last_gap": "",
            "sources": [],
        }
    return {
        "pid": report.pid,
        "events": report.events,
        "events_reason": report.events_reason,
        "trees": list(report.trees),
        "scanning": report.scanning,
        "comparisons": list(report.comparisons),
        "gaps": report.gaps,
        "last_gap": report.last_gap,
        "sources": list(report.sources),
    }


def running_mode(services: Services) -> str | None:
    """Mode of the running daemon; None where none runs."""
    state_dir = services.settings.state_dir
    pid = running_daemon(state_dir)
    report = read_report(state_dir, pid) if pid else None
    return report.mode if report else None


def mode_object(services: Services) -> dict[str, Any]:
    """The mode that is asked for, and who switched it; a running daemon follows within seconds."""
    configured = services.settings.policy.mode
    if problem := services.observe_switch.problem():
        return {"mode": "observe", "configured": configured, "stopped_since": None, "actor": "", "reason": problem}
    switched = services.observe_switch.state()
    if switched is None:
        return {"mode": configured, "configured": configured, "stopped_since": None, "actor": "", "reason": ""}
    return {
        "mode": "observe",
        "configured": configured,
        "stopped_since": switched.since.isoformat(),
        "actor": switched.order.actor,
        "reason": switched.order.reason,
    }
