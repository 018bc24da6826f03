"""The case desk: writes down what is intended, does it, writes down what came of it.

After a crash at any point, `recover` finishes or marks what was under way. Every match ends in exactly one outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from goodhoster.cases.measures import Measures, about, planned
from goodhoster.cases.ownerreports import OwnerReports
from goodhoster.cases.storms import StormWatch
from goodhoster.cases.turn import Turn
from goodhoster.errors import PassingError, RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, Copy, Measure, MeasureKind, MeasureState
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.ids import new_id
from goodhoster.model.notices import Caps
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Match, Verdict
from goodhoster.policy.decide import Action, Decision, decide
from goodhoster.policy.notices import NoticeCircumstances, decide_notice
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, Clock, Quarantine

_OVERRULED = frozenset({CaseState.RESTORING, CaseState.RESTORED})
_UNDER_WAY = frozenset({CaseState.OPEN, CaseState.RESTORING, CaseState.FAILED})
_WAITING = frozenset({CaseState.OPEN, CaseState.RESTORING})
_UNDECIDED = frozenset({CaseState.HELD, CaseState.OBSERVED})
_FIRST = {Action.QUARANTINE: CaseState.OPEN, Action.HOLD: CaseState.HELD, Action.OBSERVE: CaseState.OBSERVED}


@dataclass(frozen=True, slots=True)
class Order:
    """A person's word about a case."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that a notice leads to, as it was read: what the URL shows, or a copy of that."""

    upload: Upload
    digests: Digests
    verdict: Verdict
    """The second opinion: a match raises the priority; no match never lowers it."""


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
class CaseDesk:
    """One per process; all of a machine share store, audit log and turn."""

    store: CaseStore
    audit: AuditLog
    quarantine: Quarantine
    rules: HouseRules
    turn: Turn
    clock: Clock
    brake: StormWatch
    owners: OwnerReports | None = None
    """What those who keep hash sources are owed; None where nothing is exempt."""

    def receive(self, upload: Upload, digests: Digests, verdict: Verdict) -> Case | None:
        """Decide about a match and carry it out. Returns the case, or None when there is nothing to do.

        May be called again for the same upload in the same state: there is one case, and it is continued.
        """
        with self.turn:
            case = self._receive(upload, digests, verdict)
        if case is not None and case.state is CaseState.HELD:
            self.tell()
        return case

    def tell(self) -> None:
        """Bring the alerts of storms that reached nobody yet to a person. No case waits for the pager meanwhile, and
        whoever comes while another thread is telling leaves it to that one.
        """
        if self.brake.telling.acquire(blocking=False):
            try:
                self._tell()
            finally:
                self.brake.telling.release()

    def _tell(self) -> None:
        for storm in self.brake.untold():
            if self.brake.tell(storm):
                with self.turn:
                    self.brake.told(storm.id)

    def _receive(self, upload: Upload, digests: Digests, verdict: Verdict) -> Case | None:
        if self.owners is not None:
            self.owners.owe(verdict.matches)
        known = self._of_this_state(upload)
        if known is not None and known.state is not CaseState.GONE:
            return self._continue(known)
        overruled = self._overruled(upload, digests)
        around = self.brake.around(upload, digests, verdict.matches, overruled=overruled)
        decision = decide(verdict, self.rules, around)
        if decision.action is Action.OVERRULED:
            self._log("match.overruled", customer=upload.customer, path=str(upload.place), sha256=digests.sha256.hex())
        if decision.action not in _FIRST:
            return None
        storm = self.brake.begin(decision, verdict.matches)
        if known is not None:
            return self._reopen(known, decision)
        case = self._new(upload, digests, verdict.matches, decision)
        self.brake.note(case, storm)
        return self._open(case, decision)

    def receive_notice(self, files: Sequence[NamedFile], grounds: Grounds) -> Case:
        """Decide about files of one customer that a notice leads to, the first of them being the case's own, and carry
        it out. A case about one of them in its present state is joined; one that waited for a person is acted on when
        this notice may.
        """
        with self.turn:
            known = next((case for file in files if (case := self._of_this_state(file.upload))), None)
            if known is not None and known.state not in _UNDECIDED | {CaseState.GONE}:
                return self._continue(known)
            decision = decide_notice(self.rules, self._around_notice(files[0], grounds))
            case = known or self._new(files[0].upload, files[0].digests, files[0].verdict.matches, decision)
            if case.state in _UNDECIDED and known is not None and decision.action is not Action.QUARANTINE:
                return known
            case = replace(case, measures=_measures(files, decision), notice=grounds.notice, notifier=grounds.notifier)
            if case.state is CaseState.GONE:
                return self._reopen(case, decision)
            return self._open(case, decision) if known is None else self._let_go_on(case, decision)

    def restore(self, case_id: str, order: Order) -> Case:
        """A person overrules the match or the notice: every file is put back exactly as it was, or left where it is.

        RefusedError or QuarantineError: a file is still offline, and the case says why. PassingError: it waits, and
        `resume` goes on with it.
        """
        with self.turn:
            case = self.store.get(case_id)
            if case.state in {CaseState.RESTORED, CaseState.GONE, CaseState.OPEN}:
                raise RefusedError(f"case {case_id} is {case.state}: there is nothing to restore")
            self._log("restore.intended", case=case.id, actor=order.actor, reason=order.reason)
            restoring = replace(case, state=CaseState.RESTORING, actor=order.actor, reason=order.reason)
            return self._put_back(self._record(restoring, case), raising=True)

    def confirm(self, case_id: str, order: Order) -> Case:
        """A person lets a held, failed or only observed case be acted on."""
        with self.turn:
            case = self.store.get(case_id)
            if case.state not in _UNDECIDED | {CaseState.FAILED}:
                raise RefusedError(f"case {case_id} is {case.state}: there is nothing to confirm")
            opened = replace(
                case,
                state=CaseState.OPEN,
                actor=order.actor,
                reason=order.reason,
                measures=planned(case.measures),
            )
            self._record(opened, case)
            self._log("case.confirmed", case=case.id, actor=order.actor, reason=order.reason)
            return self._carry_out(opened, after_crash=case.state is CaseState.FAILED)

    def recover(self) -> list[Case]:
        """Finish or mark what a crash left under way, and try again what failed. Returns the cases that moved on."""
        return self._go_on(_UNDER_WAY)

    def resume(self) -> list[Case]:
        """Go on with what waits because whoever moves files could not be reached. Returns the cases that moved on."""
        return self._go_on(_WAITING)

    def _go_on(self, states: frozenset[CaseState]) -> list[Case]:
        with self.turn:
            cases = self.store.find(CaseQuery(states=states))
            return [after for case in cases if (after := self._continue(case)) != case]

    def _of_this_state(self, upload: Upload) -> Case | None:
        """The case that has this file in this state, as its own or as a copy."""
        return next(
            (
                case
                for case in self.store.find(CaseQuery(place=upload.place))
                if upload.state in {case.upload.state, *(m.copy.upload.state for m in case.measures if m.copy)}
            ),
            None,
        )

    def _continue(self, case: Case) -> Case:
        """With the turn in hand nobody else is at it: what is under way was left by a crash, waits, or had failed."""
        if case.state not in _UNDER_WAY or (case.state is CaseState.FAILED and self._held_since(case)):
            return case
        try:
            return (
                self._put_back(case) if case.state is CaseState.RESTORING else self._carry_out(case, after_crash=True)
            )
        except PassingError:
            return case

    def _held_since(self, case: Case) -> bool:
        """Did the match alone, and no person and no notice, order the measure, and a storm begin since?"""
        return not case.actor and not case.notice and self.brake.holds(case)

    def _around_notice(self, file: NamedFile, grounds: Grounds) -> NoticeCircumstances:
        hour = replace(self._last_hour(), notifier=grounds.notifier)
        return NoticeCircumstances(
            doubt=grounds.doubt,
            caps=grounds.caps,
            measures_last_hour=self.store.count(hour),
            customer_measures_last_hour=self.store.count(replace(hour, customer=file.upload.customer)),
            overruled=self._overruled(file.upload, file.digests),
            exempt=file.verdict.exemption,
        )

    def _overruled(self, upload: Upload, digests: Digests) -> bool:
        digest = digests.of(Algorithm.SHA256)
        return bool(self.store.count(CaseQuery(states=_OVERRULED, customer=upload.customer, digest=digest)))

    def _last_hour(self) -> CaseQuery:
        return CaseQuery(opened_since=self.clock() - timedelta(hours=1), automatic=True)

    def _new(self, upload: Upload, digests: Digests, matches: tuple[Match, ...], decision: Decision) -> Case:
        now, state = self.clock(), _FIRST[decision.action]
        return Case(
            id=new_id(now),
            state=state,
            upload=upload,
            digests=digests,
            matches=matches,
            opened_at=now,
            measures=(Measure(MeasureKind.QUARANTINE, _measure_state(decision)),),
            closed_at=now if state.closed else None,
            reason=decision.reason,
        )

    def _open(self, case: Case, decision: Decision) -> Case:
        self.store.add(case)
        return self._begin(case, decision)

    def _reopen(self, case: Case, decision: Decision) -> Case:
        """It was gone and is here again as it was: its directory had been renamed away, or its disk was not mounted."""
        self._log("case.reopened", case=case.id, path=str(case.upload.place))
        measures = tuple(replace(m, state=_measure_state(decision), detail="") for m in case.measures)
        again = replace(case, state=_FIRST[decision.action], reason=decision.reason, measures=measures)
        return self._begin(self._record(again, case), decision)

    def _begin(self, case: Case, decision: Decision) -> Case:
        if decision.action is Action.QUARANTINE:
            return self._carry_out(case)
        self._log("case.opened", **about(case), outcome=case.state, reason=case.reason)
        return case

    def _let_go_on(self, case: Case, decision: Decision) -> Case:
        """A case that waited for a person has now been named by a notice that may act by itself."""
        opened = replace(case, state=CaseState.OPEN, reason=decision.reason)
        return self._carry_out(self._record(opened, case))

    def _carry_out(self, case: Case, *, after_crash: bool = False) -> Case:
        after = Measures(self.quarantine, self.audit).carry_out(case, after_crash=after_crash)
        state, reason = _outcome(after)
        if after.measures == case.measures and (state, reason) == (case.state, case.reason):
            return case
        return self._record(replace(after, state=state, reason=reason), case)

    def _put_back(self, case: Case, *, raising: bool = False) -> Case:
        after, refusal = Measures(self.quarantine, self.audit).undo(case)
        if refusal is None:
            self._log("restore.done", case=case.id, actor=case.actor, reason=case.reason)
            return self._record(replace(after, state=CaseState.RESTORED), case)
        self._log("restore.refused", case=case.id, actor=case.actor, reason=str(refusal))
        refused = replace(after, state=CaseState.OFFLINE, reason=f"restore refused: {refusal}")
        self._record(refused, case)
        if raising:
            raise refusal
        return refused

    def _record(self, after: Case, before: Case) -> Case:
        closed = replace(after, closed_at=self.clock() if after.state.closed else None)
        self.store.replace(closed, expected=before.state)
        return closed

    def _log(self, event: str, **data: str) -> None:
        self.audit.append(AuditEvent(event, data))


def _measure_state(decision: Decision) -> MeasureState:
    return MeasureState.INTENDED if decision.action is Action.QUARANTINE else MeasureState.PROPOSED


def _measures(files: Sequence[NamedFile], decision: Decision) -> tuple[Measure, ...]:
    """One for the case's own file, one for each copy."""
    state = _measure_state(decision)
    own = Measure(MeasureKind.QUARANTINE, state)
    copies = [Copy(file.upload, file.digests.sha256) for file in files[1:]]
    return (own, *(Measure(MeasureKind.QUARANTINE, state, copy=copy) for copy in copies))


def _outcome(case: Case) -> tuple[CaseState, str]:
    """What the measures add up to, and why: one file that may still be online makes the case failed."""
    for measure in case.measures:
        if measure.state is MeasureState.FAILED:
            return CaseState.FAILED, measure.detail
    if any(measure.state is MeasureState.INTENDED for measure in case.measures):
        return CaseState.OPEN, case.reason
    if all(measure.state is MeasureState.REFUSED for measure in case.measures):
        return CaseState.GONE, case.measures[0].detail
    return CaseState.OFFLINE, case.reason
