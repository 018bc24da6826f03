"""The case desk: writes down what is intended, does it, writes down what came of it.

After a crash at any point, `recover` finishes or marks what was under way. Every match ends in exactly one outcome.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from goodhoster.cases.turn import Turn
from goodhoster.errors import QuarantineError, RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, Measure, MeasureKind, MeasureState
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.quarantine import Whereabouts
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Verdict
from goodhoster.policy.decide import Action, Circumstances, Decision, HouseRules, decide
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, Clock, Quarantine

_OVERRULED = frozenset({CaseState.RESTORING, CaseState.RESTORED})
_UNDER_WAY = frozenset({CaseState.OPEN, CaseState.RESTORING, CaseState.FAILED})
_FIRST = {Action.QUARANTINE: CaseState.OPEN, Action.HOLD: CaseState.HELD, Action.OBSERVE: CaseState.OBSERVED}
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Order:
    """A person's word about a case."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """One per process; all of a machine share store, audit log and turn."""

    store: CaseStore
    audit: AuditLog
    quarantine: Quarantine
    rules: HouseRules
    turn: Turn
    clock: Clock

    def receive(self, upload: Upload, digests: Digests, verdict: Verdict) -> Case | None:
        """Decide about a match and carry it out. Returns the case, or None when there is nothing to do.

        May be called again for the same upload in the same state: there is one case, and it is continued.
        """
        with self.turn:
            known = self._of_this_state(upload)
            if known is not None:
                return self._continue(known)
            decision = decide(verdict, self.rules, self._around(upload, digests))
            if decision.action is Action.OVERRULED:
                self._log(
                    "match.overruled", customer=upload.customer, path=str(upload.place), sha256=digests.sha256.hex()
                )
            if decision.action not in _FIRST:
                return None
            return self._carry_out(self._open(upload, digests, verdict, decision), decision)

    def restore(self, case_id: str, order: Order) -> Case:
        """A person overrules the match: the file is put back exactly as it was, or left where it is.

        RefusedError or QuarantineError: the file is still offline, and the case says why.
        """
        with self.turn:
            case = self.store.get(case_id)
            if case.state in {CaseState.RESTORED, CaseState.GONE, CaseState.OPEN}:
                raise RefusedError(f"case {case_id} is {case.state}: there is nothing to restore")
            return self._restore(case, order)

    def confirm(self, case_id: str, order: Order) -> Case:
        """A person lets a held, failed or only observed match be acted on."""
        with self.turn:
            case = self.store.get(case_id)
            if case.state not in {CaseState.HELD, CaseState.FAILED, CaseState.OBSERVED}:
                raise RefusedError(f"case {case_id} is {case.state}: there is nothing to confirm")
            opened = self._become(_by(order, case), CaseState.OPEN, order.reason)
            self._log("case.confirmed", case=case_id, actor=order.actor, reason=order.reason)
            return self._quarantine(opened)

    def recover(self) -> list[Case]:
        """Finish or mark what a crash left under way, and try again what failed. Returns the cases that moved on."""
        with self.turn:
            cases = self.store.find(CaseQuery(states=_UNDER_WAY))
            return [after for case in cases if (after := self._continue(case)) != case]

    def _of_this_state(self, upload: Upload) -> Case | None:
        cases = self.store.find(CaseQuery(place=upload.place))
        return next((case for case in cases if case.upload.state == upload.state), None)

    def _continue(self, case: Case) -> Case:
        """With the turn in hand nobody else is at it: what is under way was left by a crash, or had failed."""
        if case.state not in _UNDER_WAY:
            return case
        try:
            where = self.quarantine.settle(case.id, case.upload.place)
            if case.state is CaseState.RESTORING:
                order = Order(case.actor, case.reason)
                return self._put_back(case, order) if where is Whereabouts.QUARANTINE else self._restored(case, order)
        except (QuarantineError, RefusedError) as error:
            return self._failed(case, str(error))
        return (
            self._offline(case, "found done after a crash")
            if where is Whereabouts.QUARANTINE
            else self._quarantine(case)
        )

    def _around(self, upload: Upload, digests: Digests) -> Circumstances:
        digest = digests.of(Algorithm.SHA256)
        hour = CaseQuery(opened_since=self.clock() - timedelta(hours=1))
        return Circumstances(
            overruled=bool(self.store.find(CaseQuery(states=_OVERRULED, customer=upload.customer, digest=digest))),
            customers=len(self.store.customers_with(digest) | {upload.customer}),
            measures_last_hour=sum(bool(case.measures) and not case.actor for case in self.store.find(hour)),
        )

    def _open(self, upload: Upload, digests: Digests, verdict: Verdict, decision: Decision) -> Case:
        now, state = self.clock(), _FIRST[decision.action]
        case = Case(
            id=_new_id(now),
            state=state,
            upload=upload,
            digests=digests,
            matches=verdict.matches,
            opened_at=now,
            measures=(Measure(MeasureKind.QUARANTINE, MeasureState.INTENDED),) if state is CaseState.OPEN else (),
            closed_at=now if state.closed else None,
            reason=decision.reason,
        )
        self.store.add(case)
        return case

    def _carry_out(self, case: Case, decision: Decision) -> Case:
        if decision.action is Action.QUARANTINE:
            return self._quarantine(case)
        self._log("case.opened", **_about(case), outcome=case.state, reason=case.reason)
        return case

    def _quarantine(self, case: Case) -> Case:
        self._log("measure.intended", **_about(case), measure=MeasureKind.QUARANTINE, reason=case.reason)
        try:
            missing = self.quarantine.take_offline(case.id, case.upload, case.digests.sha256)
        except RefusedError as error:
            return self._gone(case, str(error))
        except QuarantineError as error:
            return self._failed(case, str(error))
        return self._offline(case, missing)

    def _offline(self, case: Case, detail: str) -> Case:
        measure = Measure(MeasureKind.QUARANTINE, MeasureState.DONE, detail)
        after = self._become(case, CaseState.OFFLINE, case.reason, measure)
        self._log("measure.done", case=case.id, measure=MeasureKind.QUARANTINE, detail=detail)
        return after

    def _gone(self, case: Case, reason: str) -> Case:
        measure = Measure(MeasureKind.QUARANTINE, MeasureState.FAILED, reason)
        after = self._become(case, CaseState.GONE, reason, measure)
        self._log("measure.refused", case=case.id, measure=MeasureKind.QUARANTINE, reason=reason)
        return after

    def _failed(self, case: Case, reason: str) -> Case:
        if case.state is CaseState.FAILED and case.reason == reason:
            return case  # the same again: said once
        measure = Measure(MeasureKind.QUARANTINE, MeasureState.FAILED, reason)
        after = self._become(case, CaseState.FAILED, reason, measure)
        self._log("measure.failed", case=case.id, measure=MeasureKind.QUARANTINE, reason=reason)
        return after

    def _restore(self, case: Case, order: Order) -> Case:
        where = self.quarantine.settle(case.id, case.upload.place)
        self._log("restore.intended", case=case.id, actor=order.actor, reason=order.reason)
        if where is Whereabouts.ELSEWHERE:
            return self._restored(case, order)
        restoring = self._become(_by(order, case), CaseState.RESTORING, order.reason)
        return self._put_back(restoring, order, raising=True)

    def _put_back(self, case: Case, order: Order, *, raising: bool = False) -> Case:
        try:
            self.quarantine.put_back(case.id, case.upload.place)
        except (RefusedError, QuarantineError) as error:
            after = self._become(_by(order, case), CaseState.OFFLINE, f"restore refused: {error}")
            self._log("restore.refused", case=case.id, actor=order.actor, reason=str(error))
            if raising:
                raise
            return after
        return self._restored(case, order)

    def _restored(self, case: Case, order: Order) -> Case:
        measures = tuple(replace(m, state=MeasureState.UNDONE) for m in case.measures if m.state is MeasureState.DONE)
        measure = measures[-1] if measures else None
        after = self._become(_by(order, case), CaseState.RESTORED, order.reason, measure)
        self._log("restore.done", case=case.id, actor=order.actor, reason=order.reason)
        return after

    def _become(self, case: Case, state: CaseState, reason: str, measure: Measure | None = None) -> Case:
        """Record the next state; a measure replaces the last one of its kind."""
        measures: Sequence[Measure] = case.measures if measure is None else (*case.measures[:-1], measure)
        after = replace(
            case,
            state=state,
            reason=reason,
            measures=tuple(measures),
            closed_at=self.clock() if state.closed else None,
        )
        self.store.replace(after, expected=case.state)
        return after

    def _log(self, event: str, **data: str) -> None:
        self.audit.append(AuditEvent(event, data))


def _by(order: Order, case: Case) -> Case:
    return replace(case, actor=order.actor)


def _about(case: Case) -> dict[str, str]:
    return {
        "case": case.id,
        "customer": case.upload.customer,
        "path": str(case.upload.place),
        "sha256": case.digests.sha256.hex(),
        "matches": ", ".join(f"{match.source}/{match.algorithm}/{match.category}" for match in case.matches),
    }


def _new_id(now: datetime) -> str:
    """Sortable by day, short enough to say on the phone, without letters that look alike."""
    return f"{now:%Y%m%d}-" + "".join(secrets.choice(_LETTERS) for _ in range(7))
