"""`goodhoster status`: what is covered, what waits, what is not as it should be."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from goodhoster_agent.commands.observe import state_of
from goodhoster_agent.commands.options import ConfigOption, JsonOption, open_services, print_json

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster_agent.status_report import DaemonReport

app = typer.Typer()
_OVERRULED = "goodhoster cases list --state restored"


@app.command()
def status_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Show what is covered, what is waiting and what is degraded."""
    with open_services(config) as services:
        status = status_of(services)
    print_json(status) if as_json else print(as_text(status))


def status_of(services: Services) -> dict[str, Any]:
    """The object that `--json` prints."""
    from goodhoster.model.cases import CaseState
    from goodhoster.ports import CaseQuery
    from goodhoster_agent.daemon_lock import running_daemon
    from goodhoster_agent.doctor.process_privileges import rights_of
    from goodhoster_agent.privileged.starter.plan import terms_of
    from goodhoster_agent.status_report import read_report

    state_dir = services.settings.state_dir
    pid = running_daemon(state_dir)
    report = read_report(state_dir, pid) if pid else None
    figures = services.index.figures()
    held = services.case_store.count(CaseQuery(states=frozenset({CaseState.HELD})))
    overruled = services.case_store.count(CaseQuery(states=frozenset({CaseState.RESTORED})))
    notices = services.notices.figures()
    return {
        "ready": report is not None,
        "degraded": list(report.degraded) if report else ["the daemon does not run: nothing new is checked"],
        **_mode(services),
        "queue": figures.waiting,
        "oldest_queued_s": max(0.0, round(time.time() - figures.oldest, 1)) if figures.oldest else 0.0,
        "unchecked": figures.verdicts.get("unchecked", 0),
        "held": held,
        "overruled": overruled,
        "open_storms": [
            f"{storm.id} since {storm.begun_at:%Y-%m-%d %H:%M} UTC, until somebody releases it: {storm.reason}"
            for storm in services.brake.open()
        ],
        "owners_not_told": _owners_not_told(services),
        "open_notices": notices.open,
        "overdue_notices": notices.overdue,
        "verdicts": figures.verdicts,
        "unchecked_reasons": figures.reasons,
        "processes": [asdict(rights) for rights in rights_of(pid, terms_of(services.settings))] if pid else [],
        **_of_daemon(report),
    }


def _mode(services: Services) -> dict[str, Any]:
    found = state_of(services)
    return {"mode": found["mode"], "stopped_since": found["stopped_since"], "stopped_by": found["actor"]}


def _owners_not_told(services: Services) -> dict[str, int]:
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
        "gaps": report.gaps,
        "last_gap": report.last_gap,
        "sources": list(report.sources),
    }


def as_text(status: dict[str, Any]) -> str:
    """The status as text for people."""
    lines = [
        f"daemon     {_daemon(status)}",
        f"mode       {status['mode']}" + (" (nothing is touched)" if status["mode"] == "observe" else ""),
        *([f"STOPPED    {_stopped(status)}"] if status["stopped_since"] else []),
        *(f"process    {_rights(rights)}" for rights in status["processes"]),
        *(f"covered    {tree}" for tree in status["trees"]),
        f"queue      {status['queue']:,} files, the oldest for {status['oldest_queued_s']:.0f} s",
        f"verdicts   {_counts(status['verdicts'])}",
        f"unchecked  {status['unchecked']:,}" + _in_brackets(status["unchecked_reasons"]),
        f"held       {status['held']:,} for a person: goodhoster cases list --state held",
        *(
            [f"overruled  {status['overruled']:,} are online by a person's word: {_OVERRULED}"]
            if status["overruled"]
            else []
        ),
        *(f"STORM      {storm} (goodhoster storms list)" for storm in status["open_storms"]),
        *(f"EXEMPT     {_not_told(*one)}" for one in status["owners_not_told"].items()),
        f"notices    {status['open_notices']:,} open, {status['overdue_notices']:,} overdue",
        *(f"source     {_source(source)}" for source in status["sources"]),
        *(f"DEGRADED   {problem}" for problem in status["degraded"]),
    ]
    return "\n".join(lines)


def _daemon(status: dict[str, Any]) -> str:
    if not status["ready"]:
        return "does not run"
    doing = ", comparing a whole tree with the index" if status["scanning"] else ""
    return f"runs (process {status['pid']}), hints from {status['events']} ({status['events_reason']}){doing}"


def _stopped(status: dict[str, Any]) -> str:
    return f"all measures, by {status['stopped_by']} since {status['stopped_since']} (goodhoster observe)"


def _not_told(source: str, count: int) -> str:
    return f"{count:,} contents that {source} knows; its owner is not told (goodhoster doctor)"


def _source(source: dict[str, Any]) -> str:
    last = source["last_contact"] or "never"
    name = source["name"] + (" (in shadow: recorded only)" if source["shadow"] else "")
    asked = f"{source['checks']:,} checks, {source['remembered']:,} from memory"
    return f"{name}: {asked}, {source['matches']:,} matches, last answer {last}"


def _rights(rights: dict[str, Any]) -> str:
    """The privileges of a process, such as `daemon 812 (root): dac_read_search, fowner`."""
    may = ", ".join(rights["capabilities"]) or "no capabilities"
    lacks = f"; lacks {', '.join(rights['missing'])}" if rights["missing"] else ""
    excess = f"; should not have {', '.join(rights['excess'])}" if rights["excess"] else ""
    return f"{rights['process']} {rights['pid']} ({rights['user']}): {may}{lacks}{excess}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none yet"


def _in_brackets(counts: dict[str, int]) -> str:
    return f" ({_counts(counts)})" if counts else ""
