"""Demands of notices on the case desk: many in one session.

Each step of all of them is written at once. A notice of 500 addresses is 500 cases: made one by one, nine tenths of the
time would be waiting for the disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.session import CaseSession, measure_state
from goodhoster.model.cases import OVERRULED, UNDECIDED, UNTOUCHED, Case, CaseState, Copy, same_file
from goodhoster.model.digests import Digests
from goodhoster.model.fingerprints import Fingerprint
from goodhoster.model.notices import FoundBy, NotifierCaps
from goodhoster.model.uploads import Place, Upload
from goodhoster.model.verdicts import Match, Verdict
from goodhoster.policy.decide import Action, Decision
from goodhoster.policy.notices import NoticeCircumstances, decide_notice


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that a notice leads to, as it was read: what the URL shows, or a copy of that."""

    upload: Upload
    digests: Digests
    verdict: Verdict
    """The second opinion: a match makes it more urgent; no match never makes it less."""
    found_by: FoundBy = FoundBy.URL
    original: Place | None = None
    """The file that it is a copy or another size of; None for what the URL shows."""
    picture: bool = False
    """Is it a picture or a video, by its bytes or by its name?"""
    fingerprints: tuple[Fingerprint, ...] = ()


@dataclass(frozen=True, slots=True)
class Grounds:
    """Reason for which a notice asks for a measure, and how far it may."""

    notice: str
    notifier: str
    """Id of the profile whose proof passed; empty when none did."""
    doubt: str
    """Why a person must look first; empty when nobody must."""
    caps: NotifierCaps
    uncertain: str = ""
    """Why the reading is not certain: then *not ours* and *no such file* settle nothing by themselves (promise G16)."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Request of a notice at one customer."""

    files: Sequence[NamedFile]
    """The case's own first, then its copies."""
    grounds: Grounds


class DemandResult(NamedTuple):
    """The answer to a demand."""

    cases: list[Case]
    reason: str
    """Reason of the decision about this demand, whatever its cases waited for before."""


@dataclass(frozen=True, slots=True)
class Demands:
    """The case desk, as notices use it."""

    desk: CaseDesk

    def process(self, demands: Sequence[Demand]) -> list[DemandResult]:
        """Decide about each demand and carry it out.

        Returns the answer to each, with the cases in which all its files are. A case about one of the files in its
        present state is joined; one that waited for a person is acted on when this notice may. The other files are a
        new case.
        """
        with self.desk.session_about([file.upload for demand in demands for file in demand.files]) as session:
            plan = _Plan(session)
            joined = [plan.add(demand) for demand in demands]
            for case in {case.id: case for received in joined for case in received.cases}.values():
                plan.carry_out(case)
        after = plan.begun | self.desk.carry_out(session)
        return [DemandResult([after.get(case.id, case) for case in cases], reason) for cases, reason in joined]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Decisions about the demands of one session, recorded before anything is carried out."""

    session: CaseSession
    begun: dict[str, Case] = field(default_factory=dict)
    """Cases that this session opens, again or for the first time."""

    def add(self, demand: Demand) -> DemandResult:
        about = {id(file): self.session.cases_of_state(file.upload) for file in demand.files}
        existing = {case.id: case for cases in about.values() for case in cases}
        decision = decide_notice(self.session.rules, self._circumstances(demand, existing.values()))
        joined = {case.id: case for case in existing.values() if _may_join(case, demand, decision)}
        left = [file for file in demand.files if not any(case.id in joined for case in about[id(file)])]
        cases = [self._join(case, demand, decision) for case in joined.values()]
        return DemandResult([*cases, self._opened(left, demand, decision)] if left else cases, decision.reason)

    def _join(self, case: Case, demand: Demand, decision: Decision) -> Case:
        """Join a case; one that is decided goes on as it is."""
        if case.state in UNDECIDED and decision.action is Action.QUARANTINE:
            # It waited for a person, and has now been named by a notice that may act by itself.
            opened = replace(case, state=CaseState.OPEN, reason=decision.reason)
            return self._begun(self.session.record(_about_these(opened, demand, decision), case), demand, decision)
        if _is_proven_now(case, demand):
            wanted = replace(case, notice=demand.grounds.notice, notifier=demand.grounds.notifier)
            return self.session.record(replace(wanted, reason=decision.reason), case)
        if any(case.passed_by(upload) for upload in _uploads(demand)):
            wanted = _about_these(case, demand, decision) if case.state in UNTOUCHED else case
            return self._begun(self.session.reopened(wanted, decision), demand, decision)
        return case

    def _opened(self, files: Sequence[NamedFile], demand: Demand, decision: Decision) -> Case:
        first = files[0]
        case = self.session.new_case(first.upload, first.digests, decision)
        matches, answered = _counted(first, decision), first.verdict.answered
        copies = [Copy(file.upload, file.digests.sha256) for file in files[1:]]
        measures = (*case.measures, *(replace(case.measures[0], copy=copy) for copy in copies))
        case = replace(
            case,
            measures=measures,
            notice=demand.grounds.notice,
            notifier=demand.grounds.notifier,
            matches=matches,
            answered=answered,
        )
        self.session.store(case)
        return self._begun(case, demand, decision)

    def _begun(self, case: Case, demand: Demand, decision: Decision) -> Case:
        if decision.action is Action.QUARANTINE:
            self.session.count_measure_of(demand.grounds.notifier, case.upload, case.digests)
        self.begun[case.id] = case
        return case

    def carry_out(self, case: Case) -> None:
        """Carry out what this session opened, as it stands after the last demand.

        Another case that is decided goes on as it is.
        """
        if case.id in self.begun:
            self.session.start(self.begun[case.id])
        else:
            self.session.proceed(case)

    def _circumstances(self, demand: Demand, existing: Iterable[Case]) -> NoticeCircumstances:
        first, grounds = demand.files[0], demand.grounds
        overruled = any(case.state in OVERRULED for case in existing) or self.session.overruled(
            first.upload, first.digests
        )
        return NoticeCircumstances(
            doubt=grounds.doubt,
            caps=grounds.caps,
            measures_last_hour=self.session.measures_of(grounds.notifier),
            customer_measures_last_hour=self.session.measures_of(grounds.notifier, first.upload.customer),
            overruled=overruled,
            exempt=first.verdict.exemption,
        )


def _may_join(case: Case, demand: Demand, decision: Decision) -> bool:
    """Whether the demand may join the case.

    Not where the case would come to be about a file of which the notice says nothing.
    """
    if case.state in UNTOUCHED or (case.state in UNDECIDED and decision.action is Action.QUARANTINE):
        return same_file(case.upload, _uploads(demand))
    return True


def _is_proven_now(case: Case, demand: Demand) -> bool:
    """Whether a case that waits was named by an unproven notice, and is by a proven one now."""
    return case.state in UNDECIDED and bool(case.notice and not case.notifier and demand.grounds.notifier)


def _about_these(case: Case, demand: Demand, decision: Decision) -> Case:
    """The case for this notice, about its own file and those copies that the notice leads to."""
    wanted = [m for m in case.measures if m.copy is None or same_file(m.copy.upload, _uploads(demand))]
    measures = tuple(replace(measure, state=measure_state(decision), detail="") for measure in wanted)
    return replace(case, measures=measures, notice=demand.grounds.notice, notifier=demand.grounds.notifier)


def _uploads(demand: Demand) -> list[Upload]:
    return [file.upload for file in demand.files]


def _counted(file: NamedFile, decision: Decision) -> tuple[Match, ...]:
    """Matches that the case is opened with.

    Where the notice leads to nothing by itself they are none: the check of the upload reports them to the desk,
    which decides about them by the house rules. Counted here already they would be nothing new then, and a forged
    notice would shield a known file.
    """
    return file.verdict.matches if decision.action is Action.QUARANTINE else ()
