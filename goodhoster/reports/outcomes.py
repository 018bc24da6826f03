"""Comparison of record, audit log and quarantine: has every match one proven outcome? Pure.

Promise G3. What the record says of a case must be what the log proves, and what lies in quarantine must be what both
say. A match without an outcome is a finding, and so is an outcome without proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from goodhoster.model.audit import AuditEntry
from goodhoster.model.cases import UNDER_WAY, Case, CaseState, MeasureKind, MeasureState

UNDER_WAY_FOR = timedelta(hours=1)
"""A measure that began this long ago and has not ended is a finding: by then it was tried many times."""
OVERRULED = "overruled"
"""Outcome of a match of what a person had restored: there is no case, the log has it."""

_STATE_BY_EVENT = {
    "case.rebuilt": CaseState.OFFLINE,
    "case.held": CaseState.HELD,
    "case.withdrawn": CaseState.WITHDRAWN,
    "case.reopened": CaseState.OPEN,
    "case.confirmed": CaseState.OPEN,
    "case.cancelled": CaseState.RESTORING,
    "measure.intended": CaseState.OPEN,
    "measure.waits": CaseState.OPEN,
    "measure.failed": CaseState.FAILED,
    "restore.intended": CaseState.RESTORING,
    "restore.done": CaseState.RESTORED,
    "restore.found-done": CaseState.RESTORED,
    "restore.refused": CaseState.OFFLINE,
    "attempt.confirmed": CaseState.CONFIRMED,
    "attempt.restored": CaseState.RESTORED,
}
"""What an entry says of its case; a measure that was done or refused is counted file by file."""
_DONE = frozenset({"measure.done", "measure.found-done"})
_DECIDED = frozenset({"case.opened", "case.escalated", "attempt.decided"})
"""Kinds of entries that name the outcome themselves."""
_ABOUT_A_CASE = ("case.", "measure.", "restore.", "attempt.")
_OWN_FILE = "0"


class OutcomeProblem(StrEnum):
    """Why a match has no proven outcome."""

    NO_OUTCOME = "no-outcome"
    """A source knows the file, and there is neither a case nor a person's word about it."""
    UNDER_WAY = "under-way"
    """Its measure has not ended for an hour."""
    FAILED = "failed"
    """Its measure failed: the file may be online."""
    NOT_IN_LOG = "not-in-log"
    """The record has a case of which the log knows nothing."""
    LOG_DIFFERS = "log-differs"
    """The log proves another outcome than the record says."""
    DONE_TWICE = "done-twice"
    """The log has a measure done twice, with no restore in between."""
    NOT_IN_RECORD = "not-in-record"
    """The log has a case that the record does not know."""
    NOT_IN_QUARANTINE = "not-in-quarantine"
    """A file is offline by record and log, and does not lie in quarantine."""
    UNKNOWN_IN_QUARANTINE = "unknown-in-quarantine"
    """A file lies in quarantine that, by the record, does not."""


_NEXT = {
    OutcomeProblem.NO_OUTCOME: "have it checked again: goodhoster scan",
    OutcomeProblem.UNDER_WAY: "see: goodhoster status",
    OutcomeProblem.FAILED: "see why, then: goodhoster cases confirm",
    OutcomeProblem.NOT_IN_LOG: "goodhoster audit verify",
    OutcomeProblem.LOG_DIFFERS: "goodhoster audit verify; was the record restored from a backup?",
    OutcomeProblem.DONE_TWICE: "report it: this is a fault of goodhoster",
    OutcomeProblem.NOT_IN_RECORD: "was the record restored from a backup? see docs/how-to-quarantine.md",
    OutcomeProblem.NOT_IN_QUARANTINE: "is its disk mounted? see: goodhoster cases show",
    OutcomeProblem.UNKNOWN_IN_QUARANTINE: "restart the daemon, which makes its case anew; see: goodhoster doctor",
}


@dataclass(frozen=True, slots=True)
class UnprovenMatch:
    """One match without a proven outcome."""

    problem: OutcomeProblem
    case: str
    """Id of the case, name of the file in quarantine, or empty where there is none."""
    customer: str = ""
    path: str = ""
    why: str = ""

    @property
    def next_step(self) -> str:
        """What a person can do about it."""
        return _NEXT[self.problem]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file in the index that a source knows, exactly or nearly, and that waits for nothing."""

    customer: str
    path: str
    sha256: str


@dataclass(slots=True)
class Trail:
    """What the log says of one case."""

    customer: str = ""
    path: str = ""
    state: CaseState | None = None
    at: datetime | None = None
    entries: list[int] = field(default_factory=list)
    """Numbers of its entries."""
    done: set[str] = field(default_factory=set)
    """Files that were taken and not put back: "0" for its own, else the number of the copy."""
    destroyed: set[str] = field(default_factory=set)
    """Files of those that were taken that were destroyed in quarantine since."""
    refused: set[str] = field(default_factory=set)
    twice: int | None = None
    """Entry by which a file was taken a second time."""

    def take(self, entry: AuditEntry) -> None:
        """Follow the case through one more entry."""
        kind, data = entry.event.kind, entry.event.data
        self.at = entry.at
        self.entries.append(entry.number)
        self.customer = self.customer or str(data.get("customer") or "")
        self.path = self.path or str(data.get("path") or data.get("name") or "")
        file = str(data.get("copy") or _OWN_FILE)
        if kind in _DONE:
            if kind == "measure.done" and file in self.done:
                self.twice = entry.number
            self.done.add(file)
            self.refused.discard(file)
            self.state = CaseState.OFFLINE
        elif kind == "measure.destroyed":
            self.destroyed.add(file)
        elif kind == "measure.refused":
            self.refused.add(file)
            self.state = CaseState.OFFLINE if self.done else CaseState.GONE
        elif kind in _DECIDED:
            self.state = CaseState(str(data["outcome"]))
        else:
            self.state = _STATE_BY_EVENT.get(kind, self.state)
        if kind == "case.rebuilt":
            self.done.add(_OWN_FILE)
        if self.state is CaseState.RESTORED:
            self.done.clear()
            self.refused.clear()


@dataclass(slots=True)
class Trails:
    """What the log says of every match: a small value for each case."""

    cases: dict[str, Trail] = field(default_factory=dict)
    overruled: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """Entries by which a match was overruled, by customer and SHA-256."""

    def take(self, entry: AuditEntry) -> None:
        """Follow the log through one more entry."""
        kind, data = entry.event.kind, entry.event.data
        if kind == "match.overruled":
            of = str(data.get("customer", "")), str(data.get("sha256", ""))
            self.overruled.setdefault(of, []).append(entry.number)
        elif kind.startswith(_ABOUT_A_CASE) and isinstance(case := data.get("case"), str):
            self.cases.setdefault(case, Trail()).take(entry)


@dataclass(frozen=True, slots=True)
class ComparedRecords:
    """Everything that is compared, read at about the same time: the log first."""

    trails: Trails
    cases: Iterable[Case]
    quarantined: Collection[str] | None
    """Names of the files in quarantine; None where a tree could not be looked at."""
    known: Iterable[KnownFile] = ()


@dataclass(frozen=True, slots=True)
class OutcomeComparison:
    """What came of it."""

    outcomes: Mapping[str, int]
    """Matches by what became of them."""
    findings: tuple[UnprovenMatch, ...]

    @property
    def matches(self) -> int:
        """All matches, with and without an outcome."""
        return sum(self.outcomes.values())


def trails_of(entries: Iterable[AuditEntry]) -> Trails:
    """Read the log once."""
    trails = Trails()
    for entry in entries:
        trails.take(entry)
    return trails


def compare(evidence: ComparedRecords, now: datetime) -> OutcomeComparison:
    """Compare record, log, quarantine and index, in every direction."""
    trails, quarantined = evidence.trails, evidence.quarantined
    outcomes: Counter[str] = Counter({OVERRULED: sum(map(len, trails.overruled.values()))})
    findings: list[UnprovenMatch] = []
    ids: set[str] = set()
    contents = set(trails.overruled)
    offline: set[str] = set()
    for case in evidence.cases:
        ids.add(case.id)
        outcomes[case.state] += bool(case.matches)
        contents.update(_contents(case))
        offline.update(_held_copies(case))
        findings += _findings_about(case, trails.cases.get(case.id), quarantined, now)
    findings += _unknown_cases(trails, ids)
    findings += _unknown_files(quarantined or (), offline, ids)
    without = [file for file in evidence.known if (file.customer, file.sha256) not in contents]
    findings += [
        UnprovenMatch(OutcomeProblem.NO_OUTCOME, "", file.customer, file.path, "no case is about it")
        for file in without
    ]
    outcomes["none"] = len(without)
    return OutcomeComparison({state: count for state, count in outcomes.items() if count}, tuple(findings))


def confirmed(first: OutcomeComparison, second: OutcomeComparison) -> OutcomeComparison:
    """The second comparison, with only what the first one found, too.

    What was just being done during the first has ended by the second.
    """
    before = {(finding.problem, finding.case, finding.path) for finding in first.findings}
    lasting = [each for each in second.findings if (each.problem, each.case, each.path) in before]
    return OutcomeComparison(second.outcomes, tuple(lasting))


def _findings_about(
    case: Case, trail: Trail | None, quarantined: Collection[str] | None, now: datetime
) -> Iterator[UnprovenMatch]:
    """Everything that is wrong with one case."""

    def found(problem: OutcomeProblem, why: str) -> UnprovenMatch:
        return UnprovenMatch(problem, case.id, case.upload.customer, str(case.upload.place), why)

    if trail is None:
        yield found(OutcomeProblem.NOT_IN_LOG, f"it is {case.state} by the record, and no entry is about it")
        return
    if trail.twice is not None:
        yield found(OutcomeProblem.DONE_TWICE, f"entry {trail.twice}")
    if case.state is CaseState.FAILED:
        yield found(OutcomeProblem.FAILED, case.reason)
    elif case.state in UNDER_WAY:
        since = trail.at or case.opened_at
        if now - since > UNDER_WAY_FOR:
            yield found(
                OutcomeProblem.UNDER_WAY, f"{case.state}, nothing since {since:%Y-%m-%d %H:%M} UTC: {case.reason}"
            )
    elif trail.state is not case.state:
        last = trail.entries[-1]
        yield found(OutcomeProblem.LOG_DIFFERS, f"{case.state} by the record, {trail.state} by entry {last} of the log")
    elif case.state is CaseState.OFFLINE:
        yield from _unproven_files(case, trail, quarantined)


def _unproven_files(case: Case, trail: Trail, quarantined: Collection[str] | None) -> Iterator[UnprovenMatch]:
    """Files of a case that are offline by the record only."""
    for number, measure in enumerate(case.measures):
        place, name = str(case.about(number).upload.place), case.quarantine_id(number)
        if measure.state is MeasureState.DESTROYED:
            if (str(number) if measure.copy else _OWN_FILE) not in trail.destroyed:
                why = "no entry of the log says that it was destroyed"
                yield UnprovenMatch(OutcomeProblem.LOG_DIFFERS, case.id, case.upload.customer, place, why)
            continue
        if measure.state is not MeasureState.DONE:
            continue
        if (str(number) if measure.copy else _OWN_FILE) not in trail.done:
            why = "no entry of the log says that it was taken"
            yield UnprovenMatch(OutcomeProblem.LOG_DIFFERS, case.id, case.upload.customer, place, why)
        elif quarantined is not None and name not in quarantined:
            why = f"{name} is in no quarantine of a tree that is watched"
            yield UnprovenMatch(OutcomeProblem.NOT_IN_QUARANTINE, case.id, case.upload.customer, place, why)


def _unknown_cases(trails: Trails, ids: Collection[str]) -> Iterator[UnprovenMatch]:
    for case_id, trail in trails.cases.items():
        if case_id not in ids:
            why = f"entry {trail.entries[-1]} says it is {trail.state}"
            yield UnprovenMatch(OutcomeProblem.NOT_IN_RECORD, case_id, trail.customer, trail.path, why)


def _unknown_files(
    quarantined: Collection[str], offline: Collection[str], ids: Collection[str]
) -> Iterator[UnprovenMatch]:
    for name in sorted(set(quarantined) - set(offline)):
        case_id, _, number = name.rpartition("-")
        case = name if name in ids or not number.isdecimal() else case_id
        why = "its case says that it is not offline" if case in ids else "no case is about it"
        yield UnprovenMatch(OutcomeProblem.UNKNOWN_IN_QUARANTINE, name, why=why)


def _contents(case: Case) -> Iterator[tuple[str, str]]:
    """Customer and SHA-256 of its own file and of each copy.

    An attempt says nothing about a file on disk.
    """
    if case.is_attempt:
        return
    yield case.upload.customer, case.digests.sha256.hex()
    yield from ((case.upload.customer, m.copy.sha256.hex()) for m in case.measures if m.copy)


def _held_copies(case: Case) -> Iterator[str]:
    """Names that may lie in quarantine: of what is offline, or on its way in or out."""
    for number, measure in enumerate(case.measures):
        if measure.kind is not MeasureKind.QUARANTINE:
            continue
        if measure.state is MeasureState.DONE or case.state in UNDER_WAY:
            yield case.quarantine_id(number)
