"""What notices ask of the case desk: many demands in one turn, each step of all of them written down at once.

A notice of 500 addresses is 500 cases: made one by one, nine tenths of the time would be waiting for the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from goodhoster.cases.desk import UNDECIDED, CaseDesk, measure_state
from goodhoster.model.cases import UNTOUCHED, Case, CaseState, Copy, Measure, MeasureKind
from goodhoster.model.digests import Digests
from goodhoster.model.notices import Caps
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Match, Verdict
from goodhoster.policy.decide import Action, Decision
from goodhoster.policy.notices import NoticeCircumstances, decide_notice
from goodhoster.ports import CaseQuery

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that a notice leads to, as it was read: what the URL shows, or a copy of that."""

    upload: Upload
    digests: Digests
    verdict: Verdict
    """The second opinion: a match makes it more urgent; no match never makes it less."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why a notice asks for a measure, and how far it may."""

    notice: str
    notifier: str
    """Id of the profile whose proof passed; empty when none did."""
    doubt: str
    """Why a person must look first; empty when nobody must."""
    caps: Caps


@dataclass(frozen=True, slots=True)
class Demand:
    """What a notice asks for at one customer."""

    files: Sequence[NamedFile]
    """The case's own first, then its copies."""
    grounds: Grounds


@dataclass(frozen=True, slots=True)
class NoticeCases:
    """The case desk, as notices use it."""

    desk: CaseDesk

    def receive(self, demands: Sequence[Demand]) -> list[Case]:
        """Decide about each demand and carry it out; returns their cases. A case about one of the files in its present
        state is joined; one that waited for a person is acted on when this notice may.
        """
        desk = self.desk
        with desk.turn:
            plan = _Plan(desk)
            with desk.store.together():
                cases = [plan.add(demand) for demand in demands]
            after = {case.id: case for case in desk.begin(list(plan.begun.values()))}
            return [after.get(case.id) or desk.go_on(case) for case in cases]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is decided about the demands of one turn, as recorded, before anything is carried out."""

    desk: CaseDesk
    begun: dict[str, Case] = field(default_factory=dict)
    """Cases that this turn opens, again or for the first time."""
    measures: dict[tuple[str, str | None], int] = field(default_factory=dict)
    """In the last hour, for a notifier, at a customer or at all: counted once, then kept up."""

    def add(self, demand: Demand) -> Case:
        desk, first, grounds = self.desk, demand.files[0], demand.grounds
        known = next((case for file in demand.files if (case := desk.of_this_state(file.upload))), None)
        if known is not None and known.state not in UNDECIDED | UNTOUCHED:
            return known
        decision = decide_notice(desk.rules, self._around(first, grounds))
        if known is not None and known.state in UNDECIDED and decision.action is not Action.QUARANTINE:
            return known
        case = known or desk.new_case(first.upload, first.digests, _counted(first, decision), decision)
        measures = _measures(demand.files, decision)
        case = replace(case, measures=measures, notice=grounds.notice, notifier=grounds.notifier)
        self._count(first, grounds, decision)
        self.begun[case.id] = self._recorded(case, decision, known)
        return self.begun[case.id]

    def _recorded(self, case: Case, decision: Decision, known: Case | None) -> Case:
        if known is None:
            self.desk.store.add(case)
            return case
        if known.state in UNTOUCHED:
            return self.desk.reopened(case, decision)
        # It waited for a person, and has now been named by a notice that may act by itself.
        return self.desk.record(replace(case, state=CaseState.OPEN, reason=decision.reason), known)

    def _around(self, file: NamedFile, grounds: Grounds) -> NoticeCircumstances:
        return NoticeCircumstances(
            doubt=grounds.doubt,
            caps=grounds.caps,
            measures_last_hour=self._measured(grounds.notifier, None),
            customer_measures_last_hour=self._measured(grounds.notifier, file.upload.customer),
            overruled=self.desk.overruled(file.upload, file.digests),
            exempt=file.verdict.exemption,
        )

    def _measured(self, notifier: str, customer: str | None) -> int:
        if (notifier, customer) not in self.measures:
            since = self.desk.clock() - _HOUR
            query = CaseQuery(opened_since=since, automatic=True, notifier=notifier, customer=customer)
            self.measures[notifier, customer] = self.desk.store.count(query)
        return self.measures[notifier, customer]

    def _count(self, file: NamedFile, grounds: Grounds, decision: Decision) -> None:
        for customer in (None, file.upload.customer):
            self.measures[grounds.notifier, customer] += decision.action is Action.QUARANTINE


def _counted(file: NamedFile, decision: Decision) -> tuple[Match, ...]:
    """The matches that the case begins with. Where the notice leads to nothing by itself they are none: the check of
    the upload tells them to the desk, which decides about them by the house rules. Counted here already they would be
    nothing new then, and a forged notice would shield a known file.
    """
    return file.verdict.matches if decision.action is Action.QUARANTINE else ()


def _measures(files: Sequence[NamedFile], decision: Decision) -> tuple[Measure, ...]:
    """One for the case's own file, one for each copy."""
    state = measure_state(decision)
    own = Measure(MeasureKind.QUARANTINE, state)
    copies = [Copy(file.upload, file.digests.sha256) for file in files[1:]]
    return (own, *(Measure(MeasureKind.QUARANTINE, state, copy=copy) for copy in copies))
