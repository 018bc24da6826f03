"""Work that requires the case desk's lock: look, decide, record, and claim measures.

What is claimed is to be carried out afterwards. Nothing slow belongs here. A session is one change of the record; what
it reports to the audit log is there before that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from goodhoster.cases.measures import Work, about, allowance
from goodhoster.cases.reconfirmation import (
    Reconfirmation,
    escalated,
    held_again,
    held_by_storm,
    is_by_match_alone,
    is_fresh,
    is_late,
    reconfirmation_of,
    says_more,
    withdrawn,
)
from goodhoster.cases.storms import StormBrake
from goodhoster.errors import StaleVerdictError
from goodhoster.letters.list_owners.reports import ListOwnerReports
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import (
    MEASURING,
    OVERRULED,
    UNDECIDED,
    UNDER_WAY,
    Case,
    CaseState,
    Claim,
    Measure,
    MeasureKind,
    MeasureState,
    same_file,
)
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.ids import new_id
from goodhoster.model.storms import FILE_CAPS, CapKinds, Counted, Storm, by_notifier
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Verdict
from goodhoster.policy.decide import Action, Decision, decide
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, Clock

_OBSERVE = "the mode is observe now"
_ASK_AGAIN = "its sources must be asked again before a measure that comes so late"
_FIRST = {Action.QUARANTINE: CaseState.OPEN, Action.HOLD: CaseState.HELD, Action.OBSERVE: CaseState.OBSERVED}
_GRACE = timedelta(minutes=5)
"""How much longer than its measures may take a claim counts while its process lives."""


@dataclass(frozen=True, slots=True)
class DeskParts:
    """Parts that the case desk works with."""

    store: CaseStore
    audit: AuditLog
    rules: HouseRules
    clock: Clock
    brake: StormBrake
    holders: HolderLocks
    owners: ListOwnerReports | None = None
    """What those who keep hash sources are owed; None where nothing is exempt."""


class CaseSession:
    """Session made by `CaseDesk.session`, which holds the lock for as long as it is used."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts
        self._events: list[AuditEvent] = []
        self.holder = 0
        """Under which number this session's cases are claimed; 0 while there are none."""
        self.work: dict[str, Work] = {}
        """What is to be carried out once the lock is given back, by case."""

    @property
    def rules(self) -> HouseRules:
        """The house rules."""
        return self._parts.rules

    @property
    def brake(self) -> StormBrake:
        """The storm brake."""
        return self._parts.brake

    def now(self) -> datetime:
        """The present moment."""
        return self._parts.clock()

    # Look

    def get(self, case_id: str) -> Case:
        """The case of that id; RefusedError when there is none."""
        return self._parts.store.get(case_id)

    def find(self, query: CaseQuery) -> Sequence[Case]:
        """The cases that the query describes, oldest first."""
        return self._parts.store.find(query)

    def count(self, query: CaseQuery) -> int:
        """Number of cases that match the query."""
        return self._parts.store.count(query)

    def cases_of_state(self, upload: Upload) -> list[Case]:
        """Cases that have this file in this state.

        The one whose own it is, then those in which it is a copy.
        """
        cases = [case for case in self.find(CaseQuery(place=upload.place)) if same_file(upload, case.uploads)]
        return sorted(cases, key=lambda case: not same_file(upload, [case.upload]))

    def joined(self, upload: Upload) -> Case | None:
        """The case that a match of this file belongs to.

        What waits for a person has only its own: a notice without proof that names a picture must not shield
        the copies of it.
        """
        for case in self.cases_of_state(upload):
            if case.state not in UNDECIDED or same_file(upload, [case.upload]):
                return case
        return None

    def overruled(self, upload: Upload, digests: Digests) -> bool:
        """Whether a person restored this content of this customer."""
        digest = digests.of(Algorithm.SHA256)
        query = CaseQuery(states=OVERRULED, customer=upload.customer, digest=digest)
        return bool(self.count(query))

    def holding_storm(self, case: Case) -> Storm | None:
        """The storm that started after the match alone ordered a measure, and holds it.

        None when none does.
        """
        return self.brake.storm_of(case) if is_by_match_alone(case) else None

    def active_claim(self, case_id: str) -> Claim | None:
        """Claim of the process working on that case; None when none does.

        None also when that process has died or its time is over.
        """
        claim = self._parts.store.claim_of(case_id)
        if claim is None or claim.until < self.now() or not self._parts.holders.is_held(claim.holder):
            return None
        return claim

    def at_work(self) -> list[Case]:
        """Cases that a process works on: few, however many there are."""
        return [self.get(case_id) for case_id in self._parts.store.claimed() if self.active_claim(case_id)]

    def measures_of(self, notifier: str, customer: str = "") -> int:
        """Contents that went offline in the last hour for a notifier, each once a customer.

        At that customer, or at all.
        """
        return self.brake.ledger.counted(by_notifier(notifier), customer, self.now())

    def count_measure_of(self, notifier: str, upload: Upload, digests: Digests) -> None:
        """Count one more measure."""
        counted = Counted(by_notifier(notifier), upload.customer, digests.sha256, self.now())
        self.brake.ledger.count(counted)

    # Decide

    def open(self, upload: Upload, digests: Digests, verdict: Verdict) -> Case | None:
        """Decide about a match. Returns the case, or None when there is nothing to do.

        There is one case of a file in one state, and it is continued. StaleVerdictError when a measure would rest on a
        verdict that is not fresh: nothing was done, ask again.
        """
        self.queue_reports(verdict)
        known = self.joined(upload) or self._rewritten(upload, digests)
        if known is not None and not known.passed_by(upload) and not says_more(known, upload, verdict):
            ordered_by_match = known.state in MEASURING and is_by_match_alone(known)
            return self.proceed_as(known, verdict) if ordered_by_match else self.proceed(known)
        decision = self.decide(upload, digests, verdict)
        if decision.action not in _FIRST:
            return None
        if decision.action is Action.QUARANTINE:
            self.expect_fresh(verdict)
        storm = self.brake.begin(decision, verdict.matches)
        if known is not None and known.state in UNDECIDED:
            return self._escalate(known, verdict, decision, storm)
        if known is not None:
            return self.reopen(known, decision)
        case = replace(self.new_case(upload, digests, decision), matches=verdict.matches, answered=verdict.answered)
        self.brake.note(case, storm)
        return self.add(case)

    def queue_reports(self, verdict: Verdict) -> None:
        """Note what those who keep hash sources are owed for a verdict."""
        if self._parts.owners is not None:
            self._parts.owners.queue_reports(verdict.matches)

    def _rewritten(self, upload: Upload, digests: Digests) -> Case | None:
        """The waiting case of this very content at this place, where the file was only rewritten.

        It waits for a person. It is about the file as it is now, then: that is what a person lets be taken.
        """
        for case in self.find(CaseQuery(states=UNDECIDED, place=upload.place)):
            if case.upload.place == upload.place and case.digests == digests:
                self.log("case.rewritten", case=case.id, path=str(upload.place))
                return self.record(replace(case, upload=replace(case.upload, state=upload.state)), case)
        return None

    def decide(self, upload: Upload, digests: Digests, verdict: Verdict, caps: CapKinds = FILE_CAPS) -> Decision:
        """The decision of the house rules about a match now."""
        overruled = self.overruled(upload, digests)
        circumstances = self.brake.circumstances(upload, digests, verdict.matches, caps)
        decision = decide(verdict, self.rules, replace(circumstances, overruled=overruled))
        if decision.action is Action.OVERRULED:
            self.log("match.overruled", customer=upload.customer, path=str(upload.place), sha256=digests.sha256.hex())
        return decision

    def new_case(self, upload: Upload, digests: Digests, decision: Decision) -> Case:
        """New case without matches; recorded by `add`."""
        now, state = self.now(), _FIRST[decision.action]
        return Case(
            id=new_id(now),
            state=state,
            upload=upload,
            digests=digests,
            matches=(),
            opened_at=now,
            measures=(Measure(MeasureKind.QUARANTINE, measure_state(decision)),),
            closed_at=now if state.closed else None,
            reason=decision.reason,
        )

    def proceed(self, case: Case) -> Case:
        """Continue a case that no process works on, and return it as it is.

        What is under way was left by a crash, waits, or had failed.
        """
        if case.state not in UNDER_WAY or self.active_claim(case.id):
            return case
        if case.state is CaseState.RESTORING:
            return self.claim(Work(case, after_crash=True))
        waits_for = self._waits_for(case)
        if case.state is CaseState.FAILED and (waits_for or self.holding_storm(case)):
            return case
        return self.claim(Work(case, after_crash=True, waits_for=waits_for))

    def proceed_as(self, case: Case, by_now: Verdict | None) -> Case:
        """Continue a measure that a match ordered, as its sources see it by now.

        None: the file is not there as it was, so there is nothing to ask about. Returns the case, as it was
        when they could not all be asked.
        """
        if case.state not in MEASURING or self.active_claim(case.id):
            return case
        if by_now is None:
            return self.claim(Work(case, after_crash=True, waits_for="" if self.rules.enforce else _OBSERVE))
        answer = reconfirmation_of(by_now, self.rules)
        stays = self.holding_storm(case) is not None or not self.rules.enforce
        if answer is Reconfirmation.NONE or (case.state is CaseState.FAILED and stays):
            return case
        self.expect_fresh(by_now)
        if answer is Reconfirmation.WITHDRAWN:
            return self.withdraw(case)
        if answer is Reconfirmation.HOLD:
            return self._hold_again(case, by_now)
        again = replace(case, matches=by_now.matches, answered=by_now.answered or case.answered)
        storm = self.holding_storm(again)
        waits_for = f"storm brake: {storm.reason}" if storm else "" if self.rules.enforce else _OBSERVE
        return self.claim(Work(again, after_crash=True, waits_for=waits_for))

    def is_late(self, case: Case) -> bool:
        """Whether the sources of this measure must be asked again first.

        Not while a storm holds it or a process works on it.
        """
        late = is_late(case, self.now(), self.rules)
        return late and self.holding_storm(case) is None and self.active_claim(case.id) is None

    def _waits_for(self, case: Case) -> str:
        """Reason why nothing may be taken offline for it now; empty when it may."""
        if not self.rules.enforce:
            return _OBSERVE
        if storm := self.holding_storm(case):
            return f"storm brake: {storm.reason}"
        return _ASK_AGAIN if is_late(case, self.now(), self.rules) else ""

    def expect_fresh(self, verdict: Verdict) -> None:
        """Raise StaleVerdictError where a verdict is too old to act on."""
        if not is_fresh(verdict, self.now(), self.rules):
            raise StaleVerdictError("what is known of this file is too old to act on", hint="ask its sources again")

    # Record

    def add(self, case: Case) -> Case:
        """Record a new case; an open one is to be carried out."""
        self.store(case)
        return self.start(case)

    def store(self, case: Case) -> None:
        """Only record a new case; `start` follows."""
        self._parts.store.add(case)

    def start(self, case: Case) -> Case:
        """Start a case that was just recorded.

        An open one is to be carried out, any other is written to the log.
        """
        if case.state is CaseState.OPEN:
            return self.claim(Work(case))
        self._events.append(AuditEvent("case.opened", about(case) | {"outcome": case.state, "reason": case.reason}))
        return case

    def record(self, after: Case, before: Case) -> Case:
        """Replace a case by its new state."""
        closed = replace(after, closed_at=self.now() if after.state.closed else None)
        self._parts.store.replace(closed, expected=before.state)
        return closed

    def replace(self, after: Case, before: Case) -> None:
        """Replace a case by one that only says more: its state and the time of its end stay."""
        self._parts.store.replace(after, expected=before.state)

    def reopened(self, case: Case, decision: Decision) -> Case:
        """Reopen a case whose file was gone and is here again as it was.

        Its directory had been renamed away, or its disk was not mounted. Or a source had withdrawn its entry,
        and has it again.
        """
        self.log("case.reopened", case=case.id, path=str(case.upload.place))
        state = measure_state(decision)
        measures = tuple(
            m if m.state is MeasureState.DONE else replace(m, state=state, detail="") for m in case.measures
        )
        again = replace(case, state=_FIRST[decision.action], reason=decision.reason, measures=measures)
        return self.record(again, case)

    def reopen(self, case: Case, decision: Decision) -> Case:
        """The same, to be carried out where it is open then."""
        return self.start(self.reopened(case, decision))

    def withdraw(self, case: Case) -> Case:
        """Withdraw a case whose file no source knows any more, and that was not touched."""
        after = withdrawn(case)
        self.log("case.withdrawn", **about(case), reason=after.reason)
        return self.record(after, case)

    def end(self, after: Case, before: Case) -> Case:
        """Record the result of a case that was carried out.

        A measure that could not be done yet, and that a storm which began meanwhile holds, waits for a person
        from now on.
        """
        storm = self.holding_storm(after) if after.state is CaseState.OPEN else None
        if storm is not None:
            after = held_by_storm(after, storm)
            self.log("case.held", **about(after), reason=after.reason, storm=storm.id)
            self.brake.hold(after, storm)
        return self.record(after, before) if after != before else before

    def _hold_again(self, case: Case, by_now: Verdict) -> Case:
        after = held_again(case, by_now)
        self.log("case.held", **about(case), reason=after.reason)
        return self.record(after, case)

    def _escalate(self, case: Case, verdict: Verdict, decision: Decision, storm: str) -> Case:
        """Escalate a waiting case of whose file a source knows more, and do what that leads to.

        An example is a file that was only near.
        """
        after = escalated(case, verdict, _FIRST[decision.action], decision.reason)
        self.brake.note(replace(after, opened_at=self.now()), storm)  # what it leads to counts in this hour
        self.log("case.escalated", **about(after), outcome=after.state, reason=after.reason)
        after = self.record(after, case)
        return self.claim(Work(after)) if after.state is CaseState.OPEN else after

    def log(self, event: str, **data: str) -> None:
        """Write to the audit log, which has it before the record changes."""
        self._events.append(AuditEvent(event, data))

    def flush(self) -> None:
        """Write the pending entries to the audit log; on AuditError nothing may be recorded."""
        events, self._events = self._events, []
        if events:
            self._parts.audit.append_all(events)

    # Claim

    def claim(self, work: Work) -> Case:
        """Have a case carried out once the lock is released; nobody else touches it meanwhile."""
        if not self.holder:
            self.holder = self._parts.holders.take()
        now, case = self.now(), work.case
        until = now + timedelta(seconds=allowance(case)) + _GRACE
        self._parts.store.claim([case.id], Claim(self.holder, os.getpid(), now, until))
        self.work[case.id] = work
        return case

    def unclaim(self, holder: int, case_ids: Iterable[str]) -> frozenset[str]:
        """Release that holder's claims on these cases; return those that nobody took over."""
        ours = frozenset(self._parts.store.claimed(holder)).intersection(case_ids)
        self._parts.store.unclaim(ours)
        return ours

    def abandon(self) -> None:
        """Discard the session: nothing of it was recorded."""
        if self.holder:
            self._parts.holders.give_back(self.holder)
        self.work.clear()


def measure_state(decision: Decision) -> MeasureState:
    """State of a measure that was just decided."""
    return MeasureState.INTENDED if decision.action is Action.QUARANTINE else MeasureState.PROPOSED
