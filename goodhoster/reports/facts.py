"""What the reports of one period are made from, gathered in one reading of log and record.

All reports of a period are made from one `Facts`, so that they cannot differ because something happened in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from goodhoster.model.audit import AuditEntry
from goodhoster.model.cases import Case, CaseState, MeasureState
from goodhoster.model.customers.standing import Appeal, AppealState
from goodhoster.model.notice_status import Notice
from goodhoster.reports.norm import PeriodUrls
from goodhoster.reports.periods import Period
from goodhoster.reports.removals import ReportedUrl, kind_of_sender
from goodhoster.reports.weekly import CHECKS_COUNTED, CountedDay, Weeks, counted_day

_TAKEN = frozenset({MeasureState.DONE, MeasureState.UNDONE, MeasureState.DESTROYED})


@dataclass(slots=True)
class Measured:
    """Cases of one way in: by a match of our own checks, or by a notice."""

    cases: int = 0
    taken: int = 0
    """That led to a measure, whatever became of it."""
    by_person: int = 0
    """Of those taken, by a person's order."""
    restored: int = 0
    """Of those taken, overruled by a person afterwards."""
    held: int = 0
    """That wait for a person, or were only observed."""
    ids: list[str] = field(default_factory=list)

    def take(self, case: Case) -> None:
        """Count one case."""
        self.cases += 1
        self.ids.append(case.id)
        taken = any(measure.state in _TAKEN for measure in case.measures)
        self.taken += taken
        self.by_person += taken and bool(case.actor) and case.state is not CaseState.RESTORED
        self.restored += taken and case.state is CaseState.RESTORED
        self.held += case.state in {CaseState.HELD, CaseState.OBSERVED}


@dataclass(slots=True)
class NoticeCounts:
    """Notices of one kind of sender."""

    notices: int = 0
    urls: int = 0
    acted: int = 0
    """URLs that are gone, or offline here, by us."""
    ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Complaints:
    """Appeals that customers made in the period."""

    received: int = 0
    upheld: int = 0
    hours: list[float] = field(default_factory=list)
    """From receipt to decision, of those that were decided."""

    def take(self, appeal: Appeal) -> None:
        """Count one appeal."""
        self.received += 1
        self.upheld += appeal.state is AppealState.UPHELD
        if appeal.decided_at is not None and appeal.state is not AppealState.WITHDRAWN:
            self.hours.append((appeal.decided_at - appeal.received_at).total_seconds() / 3600)


@dataclass(frozen=True, slots=True)
class CustomerFigures:
    """What is known of the customers who have a contract now."""

    active: int
    vetted: int
    with_evidence: int
    """For whom anything was ever checked."""
    proven_contacts: int
    enforcing: bool
    """Whether the ladder of consequences takes steps."""
    steps: int
    """Steps of the ladder that were imposed in the period."""
    waiting: int
    """Steps that wait for a person now."""
    waiting_long: int
    """Of these for more than 30 days."""


@dataclass(slots=True)
class Facts:
    """The facts of one period."""

    period: Period
    now: datetime
    urls: PeriodUrls = field(default_factory=PeriodUrls)
    weeks: Weeks = field(init=False)
    own: Measured = field(default_factory=Measured)
    """Cases that our own checks opened."""
    noticed: Measured = field(default_factory=Measured)
    """Cases that notices opened."""
    notices: dict[str, NoticeCounts] = field(default_factory=dict)
    """By kind of sender: `order`, `trusted`, `other`."""
    complaints: Complaints | None = None
    """None where nobody can appeal through here: there is no register of customers."""
    customers: CustomerFigures | None = None
    """None without a register of customers, and where no report needs them: each customer is looked at."""
    days: list[CountedDay] = field(default_factory=list)
    """The checks of every day that is counted, in the period or not."""
    log: dict[str, list[int]] = field(default_factory=dict)
    """Numbers of the entries in the period, of the kinds that reports tell of."""
    first: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    """When each kind of entry stands in the log for the first time, in the period or before it."""

    def __post_init__(self) -> None:
        self.weeks = Weeks(self.period)

    def take_log(self, entries: Iterable[AuditEntry], today: Iterable[CountedDay] = ()) -> None:
        """Read the log once; `today` is what the index has and the log does not have yet."""
        days = []
        for entry in entries:
            kind = entry.event.kind
            if kind == "daemon.started":
                kind = f"daemon.started.{entry.event.data.get('mode')}"
            self.first.setdefault(kind, (entry.at, entry.number))
            if kind == CHECKS_COUNTED:
                days.append(counted_day(entry))
            if entry.at in self.period and kind in TOLD:
                self.log.setdefault(kind, []).append(entry.number)
            if kind == "match.overruled":
                self.weeks.take_overruled(entry.at)
        by_day = {each.day: each for each in (*today, *reversed(days))}  # the first of the log counts
        self.days = [by_day[day] for day in sorted(by_day)]
        self.weeks.take_days(self.days)

    def last_days(self, length: timedelta) -> list[CountedDay]:
        """The counted days of the time that has just passed."""
        since = (self.now - length).date()
        return [each for each in self.days if since < each.day]

    def take_case(self, case: Case) -> None:
        """Count a case of the period."""
        self.weeks.take_case(case)
        if not case.notice and not case.matches:
            return  # made anew from a label: why it was taken is not known
        (self.noticed if case.notice else self.own).take(case)

    def take_notice(self, notice: Notice, reports: Iterable[ReportedUrl]) -> None:
        """Count a notice of the period; a trial counts as a trial only."""
        if notice.read is not None and notice.read.test:
            self.urls.tests += 1
            return
        counts = self.notices.setdefault(kind_of_sender(notice), NoticeCounts())
        counts.notices += 1
        counts.ids.append(notice.id)
        if not notice.items:
            self.urls.without_urls += 1
        for report in reports:
            counts.urls += 1
            counts.acted += report.state.answer_code == "acted"
            self.weeks.take_reported(report.received_at)
            self.urls.add([report])


TOLD = frozenset(
    {"restore.done", "restore.found-done", "measure.done", "measure.found-done", "block.done", "mode.observe"}
)
"""Kinds of entries that reports tell of one by one."""
