"""Alerts of the daemon: looks for what begins, and hands over what is due."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from goodhoster.alerts.desk import Condition
from goodhoster.model.alerts import AlertKind
from goodhoster.model.cases import CaseState
from goodhoster.model.verdicts import NO_SAY
from goodhoster.ports import CaseQuery
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.alerts.desk import AlertDesk
    from goodhoster.assembly.services import Services
    from goodhoster.uploads.rows import IndexFigures
    from goodhoster_agent.status.daemon_report import DaemonReport

_DELIVER_EVERY = 1.0
_POLL_SECONDS = 5.0
_COUNT_EVERY = 60.0
_GROWN_BY = 100
"""Files more that are unchecked than an hour ago."""
_AN_HOUR = 3600.0


class AlertWork:
    """Periodic work beside the workers; only where a rule is set."""

    def __init__(self, desk: AlertDesk, services: Services) -> None:
        self._desk = desk
        self._services = services
        self._report: DaemonReport | None = None
        self._reported_in_detail: frozenset[str] = frozenset()
        self._unchecked: deque[tuple[float, int]] = deque(maxlen=int(_AN_HOUR / _COUNT_EVERY) + 1)
        self._growing = ""
        self._look_at = self._count_at = 0.0
        self.task = PeriodicTask("alerts", self._run_once, "alerts cannot be kept or handed over now", _POLL_SECONDS)

    def note(self, report: DaemonReport, reported_in_detail: Sequence[str]) -> None:
        """Take the newest report; `reported_in_detail` are alarms that were raised with more words."""
        self._reported_in_detail = frozenset(reported_in_detail)
        self._report = report

    def problems(self) -> list[str]:
        """Problems, for `status`."""
        return [*self.task.problems(), *self._desk.problems()]

    def _run_once(self) -> float:
        now = time.monotonic()
        if now >= self._count_at:
            self._count_at = now + _COUNT_EVERY
            self._count(now)
        if now >= self._look_at and self._report is not None:
            self._look_at = now + _POLL_SECONDS
            self._desk.watch([*conditions_of(self._report, self._reported_in_detail), *self._growth()])
        self._desk.deliver_due()
        return _DELIVER_EVERY

    def _count(self, now: float) -> None:
        """Look at what is counted seldom: held cases, and files that are unchecked."""
        if self._desk.wants(AlertKind.HELD):
            self._alert_about_held()
        if self._desk.wants(AlertKind.UNCHECKED):
            unchecked = waiting_for_answers(self._services.index.figures())
            self._unchecked.append((now, unchecked))
            since = min(count for at, count in self._unchecked if at >= now - _AN_HOUR)
            grown = unchecked - since >= _GROWN_BY
            self._growing = f"{unchecked} files are unchecked, many more than an hour ago" if grown else ""

    def _growth(self) -> Iterator[Condition]:
        if self._growing:
            yield Condition(AlertKind.UNCHECKED, self._growing)

    def _alert_about_held(self) -> None:
        """Raise one alert for all cases that came to be held since the last."""
        store, held = self._services.case_store, frozenset({CaseState.HELD})
        newest = next(iter(store.find(CaseQuery(states=held, newest=1))), None)
        if newest is not None:
            count = store.count(CaseQuery(states=held))
            text = f"{count} cases are held.\nSee: goodhoster cases list --state held\n"
            subject = "goodhoster: held matches wait for a decision"
            self._desk.page(subject, text, AlertKind.HELD, newest.id)


def waiting_for_answers(figures: IndexFigures) -> int:
    """Unchecked files, less those about which no source has a say as it is configured.

    Such as flat icons where there are near lists only: they are counted, and no trouble.
    """
    return figures.verdicts.get("unchecked", 0) - sum(figures.reasons.get(reason, 0) for reason in NO_SAY)


def conditions_of(report: DaemonReport, reported_in_detail: frozenset[str] = frozenset()) -> Iterator[Condition]:
    """Lasting conditions, in the words of `status`."""
    refusing = [source["name"] for source in report.sources if source["alarm"]]
    for name in refusing:
        yield Condition(AlertKind.SOURCE_REFUSED, f"{name} refuses our account")
    for line in report.degraded:
        if line in reported_in_detail or any(
            line.startswith(f"ALARM: {name} refuses our account") for name in refusing
        ):
            continue
        yield Condition(AlertKind.ALARM if line.startswith("ALARM") else AlertKind.DEGRADED, line)
