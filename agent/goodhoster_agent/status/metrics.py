"""The figures of this host for Prometheus."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goodhoster.model.alerts import DeliveryState
from goodhoster.model.cases import CaseState, MeasureKind, MeasureState
from goodhoster.ports import CaseQuery
from goodhoster_agent.status.objects import status_object
from goodhoster_agent.status.prometheus_text import Metrics

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services

_WITHIN = {"0h": 0, "1h": 1, "4h": 4, "12h": 12, "24h": 24}


def metrics_text(services: Services) -> str:
    """All figures, as `goodhoster metrics` prints them."""
    status, metrics = status_object(services), Metrics()
    _of_daemon(metrics, status)
    _of_files(metrics, status)
    for source in status["sources"]:
        _of_source(metrics, source)
    _of_cases(metrics, services)
    _of_notices(metrics, services, status)
    _of_proof(metrics, services)
    return metrics.text()


def write_metrics(file: Path, text: str) -> None:
    """Replace the file as a whole; a reader sees the old or the new one."""
    new = file.with_name(f".{file.name}.new")  # the collector reads what ends in .prom
    new.write_text(text, encoding="utf-8")
    new.chmod(0o644)
    new.rename(file)


def ended_text() -> str:
    """What the file says once the daemon has ended: no old figure stays."""
    metrics = Metrics()
    _build_info(metrics)
    _add_up_gauge(metrics, up=False)
    return metrics.text()


def _build_info(metrics: Metrics) -> None:
    metrics.gauge("goodhoster_build_info", "The installed version.").add(1, version=version("goodhoster"))


def _add_up_gauge(metrics: Metrics, *, up: bool) -> None:
    metrics.gauge("goodhoster_up", "Whether the daemon runs and is ready.").add(up)


def _of_daemon(metrics: Metrics, status: Mapping[str, Any]) -> None:
    _build_info(metrics)
    _add_up_gauge(metrics, up=bool(status["ready"] and status["answers"]))
    metrics.gauge("goodhoster_enforcing", "Whether measures are taken (mode enforce).").add(status["mode"] == "enforce")
    alarms = sum(line.startswith("ALARM") for line in status["degraded"])
    metrics.gauge("goodhoster_alarms", "Lines of status that begin with ALARM.").add(alarms)
    metrics.gauge("goodhoster_degraded", "Lines of status that say what is degraded.").add(len(status["degraded"]))
    metrics.gauge("goodhoster_open_storms", "Storms that nobody has decided about.").add(len(status["open_storms"]))


def _of_files(metrics: Metrics, status: Mapping[str, Any]) -> None:
    metrics.gauge("goodhoster_queue_files", "Files that wait for a check.").add(status["queue"])
    age = metrics.gauge("goodhoster_queue_oldest_age_seconds", "For how long the oldest of them waits.")
    age.add(status["oldest_queued_s"])
    metrics.counts("goodhoster_files", "Files by their newest verdict.", "verdict", status["verdicts"])
    unchecked = status["unchecked_reasons"]
    metrics.counts("goodhoster_unchecked_files", "Files without a verdict, by reason.", "reason", unchecked)


def _of_source(metrics: Metrics, source: Mapping[str, Any]) -> None:
    name = source["name"]
    questions = source["checks"] + sum(source["unchecked"].values())
    asked = metrics.counter("goodhoster_source_asked_total", "Questions that a hash source was asked.")
    asked.add(questions, source=name)
    answered = metrics.counter("goodhoster_source_answered_total", "Those of them that got a usable answer.")
    answered.add(source["checks"], source=name)
    matched = metrics.counter("goodhoster_source_matched_total", "Matches in these answers.")
    matched.add(source["matches"], source=name)
    remembered = metrics.counter("goodhoster_source_remembered_total", "Questions answered from memory.")
    remembered.add(source["remembered"], source=name)
    failed = metrics.counter("goodhoster_source_failed_total", "Questions without a usable answer, by reason.")
    for reason, count in source["unchecked"].items():
        failed.add(count, source=name, reason=reason)
    took = metrics.summary("goodhoster_source_duration_seconds", "The time that questions took.")
    took.add(source["seconds"], "_sum", source=name)
    took.add(questions, "_count", source=name)
    refused = metrics.gauge("goodhoster_source_refuses", "Whether the source refuses our account.")
    refused.add(source["alarm"], source=name)
    if source["last_contact"]:
        last = metrics.gauge("goodhoster_source_last_contact_timestamp_seconds", "When it last gave a usable answer.")
        last.add(datetime.fromisoformat(source["last_contact"]).timestamp(), source=name)


def _of_cases(metrics: Metrics, services: Services) -> None:
    store = services.case_store
    cases = metrics.gauge("goodhoster_cases", "Cases by state; held ones wait for a person.")
    for state in CaseState:
        cases.add(store.count(CaseQuery(states=frozenset({state}))), state=state)
    counts = store.measures()
    measures = metrics.gauge("goodhoster_measures", "Measures by kind and state.")
    for kind in MeasureKind:
        for measure_state in MeasureState:
            measures.add(counts.get((kind, measure_state), 0), kind=kind, state=measure_state)


def _of_notices(metrics: Metrics, services: Services, status: Mapping[str, Any]) -> None:
    notices = metrics.gauge("goodhoster_notices", "Notices by what is open about them.")
    notices.add(status["open_notices"], state="open")
    notices.add(status["overdue_notices"], state="overdue")
    notices.add(status["notices_for_a_person"], state="needs-person")
    appeals = metrics.gauge("goodhoster_appeals_open", "Appeals of customers that wait for a person's decision.")
    appeals.add(status["open_appeals"])
    now = services.notices.clock()
    due = metrics.gauge("goodhoster_notices_due", "Open notices whose deadline is over within that time; cumulative.")
    for within, hours in _WITHIN.items():
        due.add(services.notices.store.figures(now + timedelta(hours=hours)).overdue, within=within)


def _of_proof(metrics: Metrics, services: Services) -> None:
    from goodhoster.assembly.audit import last_verification  # noqa: PLC0415 - cryptography is heavy

    if verified := last_verification(services.settings):
        at = metrics.gauge("goodhoster_audit_verified_timestamp_seconds", "When the audit log was last verified.")
        at.add(verified.at.timestamp())
        if verified.whole_at:
            name, said = "goodhoster_audit_verified_whole_timestamp_seconds", "When all of it was last read and whole."
            metrics.gauge(name, said).add(verified.whole_at.timestamp())
        metrics.gauge("goodhoster_audit_whole", "Whether it was whole then.").add(verified.ok)
        metrics.gauge("goodhoster_audit_entries", "The number of its entries then.").add(verified.entries)
    if services.alerts and (services.state_dir / "alerts.sqlite").exists():
        states = (DeliveryState.WAITING, DeliveryState.GIVEN_UP)
        counts = services.alerts.counts()
        alerts = metrics.gauge("goodhoster_alerts", "Alerts that their rule's receiver has not accepted.")
        for rule in services.alerts.rules:
            for state in states:
                alerts.add(counts.get((rule.name, state), 0), rule=rule.name, state=state)
    room = os.statvfs(services.state_dir)
    free = metrics.gauge("goodhoster_state_free_bytes", "Room on the disk of the state directory.")
    free.add(room.f_bavail * room.f_frsize)
