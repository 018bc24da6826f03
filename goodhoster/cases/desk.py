"""The case desk: writes down what is intended, does it, writes down what came of it.

After a crash at any point, `recover` finishes or marks what was under way. Every match ends in exactly one outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from goodhoster.cases.escalation import escalated, says_more
from goodhoster.cases.measures import Measures, about, planned, with_outcome
from goodhoster.cases.reconfirmation import (
    Reconfirmation,
    held_again,
    is_by_match_alone,
    is_fresh,
    is_late,
    reconfirmation_of,
    withdrawn,
)
from goodhoster.cases.storms import StormWatch
from goodhoster.errors import PassingError, RefusedError, StaleVerdictError
from goodhoster.letters.list_owner_reports import ListOwnerReports
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import (
    MEASURING,
    UNTOUCHED,
    Case,
    CaseState,
    Measure,
    MeasureKind,
    MeasureState,
    Order,
    same_file,
)
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.ids import new_id
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Match, Verdict, VerdictKind
from goodhoster.policy.decide import Action, Decision, decide
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, Clock, Quarantine

OVERRULED = frozenset({CaseState.RESTORING, CaseState.RESTORED})
"""A person had the last word."""
_UNDER_WAY = frozenset({CaseState.OPEN, CaseState.RESTORING, CaseState.FAILED})
_WAITING = frozenset({CaseState.OPEN, CaseState.RESTORING})
_OBSERVE = "the mode is observe now"
_ASK_AGAIN = "its sources must be asked again before a measure that comes so late"
UNDECIDED = frozenset({CaseState.HELD, CaseState.OBSERVED})
"""Waiting for a person; nothing was done."""
_FIRST = {Action.QUARANTINE: CaseState.OPEN, Action.HOLD: CaseState.HELD, Action.OBSERVE: CaseState.OBSERVED}


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """One per process; all of a machine share store, audit log and turn."""

    store: CaseStore
    audit: AuditLog
    quarantine: Quarantine
    rules: HouseRules
    turn: FileLock
    clock: Clock
    brake: StormWatch
    owners: ListOwnerReports | None = None
    """What those who keep hash sources are owed; None where nothing is exempt."""

    def receive(self, upload: Upload, digests: Digests, verdict: Verdict) -> Case | None:
        """Decide about a match and carry it out. Returns the case, or None when there is nothing to do.

        May be called again for the same upload in the same state: there is one case, and it is continued.
        StaleVerdictError when a measure would rest on a verdict that is not fresh: nothing was done, ask again.
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
        known = self._joined(upload)
        if known is not None and known.state in MEASURING and is_by_match_alone(known):
            return self.go_on_as(known, verdict)
        if known is not None and not known.passed_by(upload) and not says_more(known, upload, verdict):
            return self.go_on(known)
        overruled = self.overruled(upload, digests)
        around = self.brake.around(upload, digests, verdict.matches, overruled=overruled)
        decision = decide(verdict, self.rules, around)
        if decision.action is Action.OVERRULED:
            self._log("match.overruled", customer=upload.customer, path=str(upload.place), sha256=digests.sha256.hex())
        if decision.action not in _FIRST:
            return None
        if decision.action is Action.QUARANTINE:
            self._expect_fresh(verdict)
        storm = self.brake.begin(decision, verdict.matches)
        if known is not None and known.state in UNDECIDED:
            return self._escalate(known, verdict, decision, storm)
        if known is not None:
            return self.begin([self.reopened(known, decision)])[0]
        case = self.new_case(upload, digests, verdict.matches, decision)
        self.brake.note(case, storm)
        self.store.add(case)
        return self.begin([case])[0]

    def restore(self, case_id: str, order: Order) -> Case:
        """A person overrules the match or the notice: every file is put back exactly as it was, or left where it is.

        RefusedError or QuarantineError: a file is still offline, and the case says why. PassingError: it waits, and
        `resume` goes on with it.
        """
        with self.turn:
            case = self.store.get(case_id)
            if case.state in UNTOUCHED | {CaseState.RESTORED, CaseState.OPEN}:
                raise RefusedError(f"case {case_id} is {case.state}: there is nothing to restore")
            self._log("restore.intended", case=case.id, actor=order.actor, reason=order.reason)
            restoring = replace(case, state=CaseState.RESTORING, actor=order.actor, reason=order.reason)
            return self._put_back(self.record(restoring, case))

    def confirm(self, case_id: str, order: Order, by_now: Verdict | None = None) -> Case:
        """A person lets a held, failed or only observed case be acted on; RefusedError in mode observe.

        `by_now` is what its sources say now: where none knows it any more there is nothing to confirm, and the case is
        withdrawn. Where they could not be asked the person's word is enough, and the log says so.
        """
        self.expect_enforcing()
        with self.turn:
            case = self.store.get(case_id)
            if case.state not in UNDECIDED | {CaseState.FAILED}:
                raise RefusedError(f"case {case_id} is {case.state}: there is nothing to confirm")
            if by_now and reconfirmation_of(by_now, self.rules) is Reconfirmation.WITHDRAWN:
                return self.withdraw(case)
            opened = replace(
                case,
                state=CaseState.OPEN,
                actor=order.actor,
                reason=order.reason,
                measures=planned(case.measures),
            )
            self.record(opened, case)
            unasked = {"not_asked_again": by_now.detail} if by_now and by_now.kind is VerdictKind.UNCHECKED else {}
            self._log("case.confirmed", case=case.id, actor=order.actor, reason=order.reason, **unasked)
            return self._carry_out([opened], after_crash=case.state is CaseState.FAILED)[0]

    def expect_enforcing(self) -> None:
        """RefusedError in mode observe, which touches nothing, whoever says so."""
        if not self.rules.enforce:
            message = "the mode is observe: nothing is taken offline"
            raise RefusedError(message, hint='set mode = "enforce" in [policy], then say it again')

    def recover(self) -> list[Case]:
        """Finish or mark what a crash left under way, and try again what failed. Returns the cases that moved on."""
        return self._go_on(_UNDER_WAY)

    def resume(self) -> list[Case]:
        """Go on with what waits because whoever moves files could not be reached. Returns the cases that moved on."""
        return self._go_on(_WAITING)

    def _go_on(self, states: frozenset[CaseState]) -> list[Case]:
        with self.turn:
            cases = self.store.find(CaseQuery(states=states))
            return [after for case in cases if (after := self.go_on(case)) != case]

    def of_this_state(self, upload: Upload) -> list[Case]:
        """The cases that have this file in this state: the one whose own it is, then those in which it is a copy."""
        cases = [case for case in self.store.find(CaseQuery(place=upload.place)) if same_file(upload, case.uploads)]
        return sorted(cases, key=lambda case: not same_file(upload, [case.upload]))

    def _joined(self, upload: Upload) -> Case | None:
        """The case that a match of this file belongs to. What waits for a person has only its own: a notice without
        proof that names a picture must not shield the copies of it.
        """
        for case in self.of_this_state(upload):
            if case.state not in UNDECIDED or same_file(upload, [case.upload]):
                return case
        return None

    def go_on(self, case: Case) -> Case:
        """With the turn in hand nobody else is at it: what is under way was left by a crash, waits, or had failed."""
        waits_for = self._waits_for(case)
        if case.state not in _UNDER_WAY or (case.state is CaseState.FAILED and (waits_for or self.held_since(case))):
            return case
        try:
            if case.state is CaseState.RESTORING:
                return self._put_back(case, after_crash=True)
            return self._carry_out([case], after_crash=True, waits_for=waits_for)[0]
        except PassingError:
            return case

    def _waits_for(self, case: Case) -> str:
        """Why nothing may be taken offline for it now; empty when it may."""
        if not self.rules.enforce:
            return _OBSERVE
        return _ASK_AGAIN if is_late(case, self.clock(), self.rules) else ""

    def go_on_as(self, case: Case, by_now: Verdict) -> Case:
        """With the turn in hand: go on with a measure that a match ordered, as its sources see it by now. Returns the
        case, as it was when they could not all be asked.
        """
        word = reconfirmation_of(by_now, self.rules)
        stays = self.held_since(case) or not self.rules.enforce
        if word is Reconfirmation.NONE or (case.state is CaseState.FAILED and stays):
            return case
        self._expect_fresh(by_now)
        if word is Reconfirmation.WITHDRAWN:
            return self.withdraw(case)
        if word is Reconfirmation.HOLD:
            return self.record(held_again(case, by_now), case)
        return self.go_on_asked(replace(case, matches=by_now.matches))

    def go_on_asked(self, case: Case) -> Case:
        """The same where nothing stands in the way."""
        return self._carry_out([case], after_crash=True, waits_for="" if self.rules.enforce else _OBSERVE)[0]

    def withdraw(self, case: Case) -> Case:
        """With the turn in hand: nobody knows the file any more, and it was not touched."""
        after = withdrawn(case)
        self._log("case.withdrawn", **about(case), reason=after.reason)
        return self.record(after, case)

    def _expect_fresh(self, verdict: Verdict) -> None:
        if not is_fresh(verdict, self.clock(), self.rules):
            raise StaleVerdictError("what is known of this file is too old to act on", hint="ask its sources again")

    def held_since(self, case: Case) -> bool:
        """Did the match alone order the measure, and a storm begin since?"""
        return is_by_match_alone(case) and self.brake.holds(case)

    def overruled(self, upload: Upload, digests: Digests) -> bool:
        """Did a person restore this content of this customer?"""
        digest = digests.of(Algorithm.SHA256)
        return bool(self.store.count(CaseQuery(states=OVERRULED, customer=upload.customer, digest=digest)))

    def new_case(self, upload: Upload, digests: Digests, matches: tuple[Match, ...], decision: Decision) -> Case:
        """As it begins; recorded by the caller."""
        now, state = self.clock(), _FIRST[decision.action]
        return Case(
            id=new_id(now),
            state=state,
            upload=upload,
            digests=digests,
            matches=matches,
            opened_at=now,
            measures=(Measure(MeasureKind.QUARANTINE, measure_state(decision)),),
            closed_at=now if state.closed else None,
            reason=decision.reason,
        )

    def reopened(self, case: Case, decision: Decision) -> Case:
        """It was gone and is here again as it was: its directory had been renamed away, or its disk was not mounted.
        Or a source had withdrawn its entry, and has it again.
        """
        self._log("case.reopened", case=case.id, path=str(case.upload.place))
        state = measure_state(decision)
        measures = tuple(
            m if m.state is MeasureState.DONE else replace(m, state=state, detail="") for m in case.measures
        )
        again = replace(case, state=_FIRST[decision.action], reason=decision.reason, measures=measures)
        return self.record(again, case)

    def _escalate(self, case: Case, verdict: Verdict, decision: Decision, storm: str) -> Case:
        """A source knows more of a file that waits, such as one that was only near: what that leads to is done now."""
        after = escalated(case, verdict, _FIRST[decision.action], decision.reason)
        self.brake.note(replace(after, opened_at=self.clock()), storm)  # what it leads to counts in this hour
        self._log("case.escalated", **about(after), outcome=after.state, reason=after.reason)
        self.record(after, case)
        return self._carry_out([after])[0] if after.state is CaseState.OPEN else after

    def begin(self, cases: Sequence[Case]) -> list[Case]:
        """Of cases that were just recorded, carry out what is open; the log tells of the others."""
        waiting = [case for case in cases if case.state is not CaseState.OPEN]
        self.audit.append_all([_opened(case) for case in waiting])
        carried = iter(self._carry_out([case for case in cases if case.state is CaseState.OPEN]))
        return [next(carried) if case.state is CaseState.OPEN else case for case in cases]

    def _carry_out(self, cases: Sequence[Case], *, after_crash: bool = False, waits_for: str = "") -> list[Case]:
        measures = Measures(self.quarantine, self.audit)
        measured = measures.carry_out(cases, after_crash=after_crash, waits_for=waits_for)
        after = [with_outcome(case) for case in measured]
        with self.store.together():
            return [self.record(new, old) if new != old else old for new, old in zip(after, cases, strict=True)]

    def _put_back(self, case: Case, *, after_crash: bool = False) -> Case:
        """A refusal is raised where somebody waits for the answer, not after a crash. What was found done then is said
        as such, not as done twice.
        """
        undone = Measures(self.quarantine, self.audit).undo(case)
        if undone.refusal is None:
            done = "restore.found-done" if after_crash and not undone.moved else "restore.done"
            self._log(done, case=case.id, actor=case.actor, reason=case.reason)
            return self.record(replace(undone.case, state=CaseState.RESTORED), case)
        self._log("restore.refused", case=case.id, actor=case.actor, reason=str(undone.refusal))
        refused = replace(undone.case, state=CaseState.OFFLINE, reason=f"restore refused: {undone.refusal}")
        self.record(refused, case)
        if not after_crash:
            raise undone.refusal
        return refused

    def record(self, after: Case, before: Case) -> Case:
        """Put the one in the place of the other."""
        closed = replace(after, closed_at=self.clock() if after.state.closed else None)
        self.store.replace(closed, expected=before.state)
        return closed

    def _log(self, event: str, **data: str) -> None:
        self.audit.append(AuditEvent(event, data))


def measure_state(decision: Decision) -> MeasureState:
    """Of a measure that was just decided."""
    return MeasureState.INTENDED if decision.action is Action.QUARANTINE else MeasureState.PROPOSED


def _opened(case: Case) -> AuditEvent:
    return AuditEvent("case.opened", about(case) | {"outcome": case.state, "reason": case.reason})
