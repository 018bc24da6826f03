"""The case desk: records what is intended, does it, records the result.

Three verbs: `open` a case for a match, `proceed` with one as its sources see it by now, `recover` what a crash left or
what waits; beside them the orders of a person. Each decides in a session, with the lock in hand; what that claims is
carried out without it. A claim says durably which process is at work on a case; when that dies, others take over. Every
match ends in exactly one outcome.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from goodhoster.cases.attempts import confirm_attempt, overrule_attempt
from goodhoster.cases.measures import Effort, Measures, MeasuresOutcome, Work, planned, seen_of, with_outcome
from goodhoster.cases.reconfirmation import Reconfirmation, is_fresh, reconfirmation_of
from goodhoster.cases.session import CaseSession, DeskParts
from goodhoster.cases.storms import StormBrake
from goodhoster.errors import (
    AuditError,
    BusyError,
    GoodhosterError,
    PassingError,
    RefusedError,
    UnrecordedError,
    recording,
)
from goodhoster.letters.list_owners.reports import ListOwnerReports
from goodhoster.linux.disk_pool import DiskPool
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.holder_locks import HolderLocks
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import MEASURING, UNDECIDED, UNDER_WAY, UNTOUCHED, Case, CaseState, Order, same_file
from goodhoster.model.digests import Digests
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Verdict, VerdictKind
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, Clock, Quarantine

_log = logging.getLogger(__name__)
_WAITING = frozenset({CaseState.OPEN, CaseState.RESTORING})
_MOST_ORDERS_PER_DISK = 12
"""Orders that movers have in hand for one disk: fewer than they can take together, so that another disk finds one."""
_DISK_TIMEOUT_SECONDS = 5.0
"""Seconds after which a disk that does not answer is waited for by nobody but the thread that asked it."""
_WAIT_FOR_OTHERS_SECONDS = 2.0
"""Seconds that a person or a match waits for another process that is at the same case."""
_POLL_SECONDS = 0.02
_TOLD = 5
"""Cases that one error describes."""
_CASES_PER_SESSION = 200
"""Cases that are recovered together."""


def disk_pool() -> DiskPool:
    """Disk pool for a case desk."""
    return DiskPool(_MOST_ORDERS_PER_DISK, _DISK_TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """Case desk of one process; all of a machine share store, audit log, lock and holders."""

    store: CaseStore
    audit: AuditLog
    quarantine: Quarantine
    rules: HouseRules
    lock: FileLock
    holders: HolderLocks
    clock: Clock
    brake: StormBrake
    owners: ListOwnerReports | None = None
    """What those who keep hash sources are owed; None where nothing is exempt."""
    concluded: Callable[[Case], None] = lambda _: None
    """Told of each case that came to an end while nobody waited for it: after a crash, or once its disk answered."""
    pool: DiskPool = field(default_factory=disk_pool)
    """The threads that wait for disks."""

    @contextmanager
    def session(self, rules: HouseRules | None = None) -> Iterator[CaseSession]:
        """Hold the lock for work that may only be done with it.

        What is recorded inside is one change, and the audit log has before what was reported of it; `carry_out`
        does what was claimed. `rules` are those to decide by, where they are not the desk's own.
        """
        decided_by = rules or self.rules
        parts = DeskParts(self.store, self.audit, decided_by, self.clock, self.brake, self.holders, self.owners)
        session = CaseSession(parts)
        try:
            with self.lock, self.store.together():
                yield session
                session.flush()
        except BaseException:
            session.abandon()
            raise

    def open(self, upload: Upload, digests: Digests, verdict: Verdict) -> Case | None:
        """Decide about a match and carry the decision out.

        Returns the case, or None when there is nothing to do.

        May be called again for the same upload in the same state: there is one case, and it is continued; one
        whose disk does not answer comes back as it is and goes on. StaleVerdictError when a measure would rest
        on a verdict that is not fresh: nothing was done, ask again.
        """
        with self.session_about([upload]) as session:
            case = session.open(upload, digests, verdict)
        case = self._carry_out_one(session, case) if case else None
        if case is not None and case.state is CaseState.HELD:
            self.deliver_alerts()
        return case

    def proceed(self, case_id: str, by_now: Verdict | None) -> Case:
        """Continue a late measure, as its sources see the file by now.

        None: it is not there as it was, so there is nothing to ask about. Returns the case, as it was when not
        all could be asked or that took too long.
        """
        with self.session() as session:
            case = session.get(case_id)
            if case.state not in MEASURING or (by_now and not is_fresh(by_now, self.clock(), self.rules)):
                return case
            case = session.proceed_as(case, by_now)
        return self._carry_out_one(session, case)

    def recover(self, *, retry_failed: bool = True) -> list[Case]:
        """Finish or mark unfinished measures that no process works on.

        They were left by a process that died, or wait for whatever moves files. `retry_failed`: what failed
        is tried again, too. Returns the cases that moved on.
        """
        states = UNDER_WAY if retry_failed else _WAITING
        moved: list[Case] = []
        under_way = [case.id for case in self.store.find(CaseQuery(states=states))]
        for begin in range(0, len(under_way), _CASES_PER_SESSION):
            with self.session() as session:
                before = [
                    session.proceed(session.get(case_id)) for case_id in under_way[begin : begin + _CASES_PER_SESSION]
                ]
            after = self.carry_out(session)
            moved += [after[case.id] for case in before if after.get(case.id, case) != case]
        for case in moved:
            self.concluded(case)
        return moved

    def late(self) -> list[Case]:
        """Measures whose sources must be asked again first.

        Each waits for `proceed`. None in mode observe, in which nothing is taken.
        """
        if not self.rules.enforce:
            return []
        with self.session() as session:
            return [case for case in session.find(CaseQuery(states=MEASURING)) if session.is_late(case)]

    def restore(self, case_id: str, order: Order, seen: Case | None = None) -> Case:
        """Overrule the match or the notice by a person's order and restore the files.

        Every file is put back exactly as it was, or left where it is.

        RefusedError or QuarantineError: a file is still offline, and the case says why. PassingError: it waits, and
        `recover` goes on with it. `seen` is the case as the person saw it: what another person decided since is a
        refusal.
        """
        with self._session_after(lambda case: case.id == case_id) as session:
            case = _free(session, case_id)
            _expect_undecided_since(case, seen)
            if case.state in UNTOUCHED | {CaseState.RESTORED, CaseState.OPEN}:
                raise RefusedError(f"case {case_id} is {case.state}: there is nothing to restore")
            if case.is_attempt:
                return overrule_attempt(session, case, order)
            if case.destroyed:
                hint = f"a sealed copy may be left: goodhoster evidence list --case {case_id}"
                raise RefusedError(f"case {case_id} cannot be restored: its file was {case.destroyed}", hint=hint)
            self._put_back(session, case, "restore.intended", order)
        return self._carry_out_restore(session, case_id)

    def cancel(self, case_id: str, order: Order) -> Case:
        """Stop a measure that waits, by a person's order.

        Nothing is taken, and what a crash had left half done is put back. Raises as `restore`.
        """
        with self._session_after(lambda case: case.id == case_id) as session:
            case = _free(session, case_id)
            if case.state not in MEASURING | {CaseState.RESTORING}:
                hint = "what is offline comes back by: goodhoster cases restore"
                raise RefusedError(f"case {case_id} is {case.state}: there is no measure to cancel", hint=hint)
            self._put_back(session, case, "case.cancelled", order)
        return self._carry_out_restore(session, case_id)

    @staticmethod
    def _put_back(session: CaseSession, case: Case, event: str, order: Order) -> None:
        session.log(event, case=case.id, actor=order.actor, reason=order.reason)
        restoring = replace(case, state=CaseState.RESTORING, actor=order.actor, reason=order.reason)
        continued = case.state is CaseState.RESTORING
        session.claim(Work(session.record(restoring, case), after_crash=continued, moved=order.moved))

    def _carry_out_restore(self, session: CaseSession, case_id: str) -> Case:
        carried = self._carry_out(session)
        if error := carried.errors.get(case_id):
            raise error
        after = carried.cases[case_id]
        if after.state is CaseState.RESTORING:
            message = f"case {case_id} is being put back, and its disk does not answer"
            raise BusyError(message, hint="it continues by itself: goodhoster cases show " + case_id)
        return after

    def confirm(self, case_id: str, order: Order, by_now: Verdict | None = None, seen: Case | None = None) -> Case:
        """Act on a held, failed, only observed or restored case, by a person's order.

        RefusedError in mode observe.

        What its sources say now is `by_now`: where none knows it any more there is nothing to confirm, and the
        case is withdrawn. Where they could not be asked the person's order is enough, and the log says so.
        `seen` as in `restore`.
        """
        self.expect_enforcing()
        with self._session_after(lambda case: case.id == case_id) as session:
            case = _free(session, case_id)
            _expect_undecided_since(case, seen)
            if _is_confirmed_by(case, order):
                case = session.proceed(case)
            elif case.state not in UNDECIDED | {CaseState.FAILED, CaseState.RESTORED}:
                raise RefusedError(f"case {case_id} is {case.state}: there is nothing to confirm")
            elif case.is_attempt:
                return confirm_attempt(session, case, order)
            elif by_now and reconfirmation_of(by_now, self.rules) is Reconfirmation.WITHDRAWN:
                return session.withdraw(case)
            else:
                case = self._open_by_order(session, case, order, by_now)
        return self._carry_out_order(session, case)

    @staticmethod
    def _open_by_order(session: CaseSession, case: Case, order: Order, by_now: Verdict | None) -> Case:
        """Record that a person wants it to be acted on, and claim it."""
        unasked = {"not_asked_again": by_now.detail} if by_now and by_now.kind is VerdictKind.UNCHECKED else {}
        session.log("case.confirmed", case=case.id, actor=order.actor, reason=order.reason, **unasked)
        opened = replace(case, state=CaseState.OPEN, measures=planned(case.measures))
        opened = session.record(replace(opened, actor=order.actor, reason=order.reason), case)
        return session.claim(Work(opened, after_crash=case.state not in UNDECIDED))

    def _carry_out_order(self, session: CaseSession, case: Case) -> Case:
        try:
            return self._carry_out_one(session, case)
        except AuditError as error:  # the order stands in log and record; that it is carried out now does not
            message = f"case {case.id} is confirmed, and its file is not taken offline yet: {error}"
            raise UnrecordedError(message, hint="it goes on when the log can be written; make room") from error

    def expect_enforcing(self) -> None:
        """Refuse in mode observe, which touches nothing.

        RefusedError, whoever gave the order.
        """
        if not self.rules.enforce:
            message = "the mode is observe: nothing is taken offline"
            hint = 'set mode = "enforce" in [policy], or goodhoster observe --end where it was --now; then run it again'
            raise RefusedError(message, hint=hint)

    def deliver_alerts(self) -> None:
        """Deliver the alerts of storms that reached nobody yet.

        No case waits for the pager meanwhile, and a call while another thread is delivering leaves it to that
        one.
        """
        if not self.brake.delivering.acquire(blocking=False):
            return
        try:
            for storm in self.brake.undelivered():
                if self.brake.deliver_alert(storm):
                    with self.session() as session:
                        session.brake.note_alert_delivered(storm.id)
        finally:
            self.brake.delivering.release()

    # Carrying out

    @contextmanager
    def session_about(self, uploads: Sequence[Upload]) -> Iterator[CaseSession]:
        """Session after a short wait for others working on cases of these files."""
        with self._session_after(lambda case: any(same_file(upload, case.uploads) for upload in uploads)) as session:
            yield session

    @contextmanager
    def _session_after(self, concerns_us: Callable[[Case], bool]) -> Iterator[CaseSession]:
        end = time.monotonic() + _WAIT_FOR_OTHERS_SECONDS
        while True:
            with self.session() as session:
                if time.monotonic() > end or not any(map(concerns_us, session.at_work())):
                    yield session
                    return
            time.sleep(_POLL_SECONDS)

    def carry_out(self, session: CaseSession) -> dict[str, Case]:
        """Do what a session claimed, without the lock; returns these cases as they are then, by id.

        One whose disk does not answer comes back as it was: it goes on and is recorded when it ends.
        """
        return self._carry_out(session).cases

    def _carry_out_one(self, session: CaseSession, case: Case) -> Case:
        return self.carry_out(session).get(case.id, case)

    def _carry_out(self, session: CaseSession) -> _Carried:
        if not session.work:
            return _Carried({}, {})
        under_way = False
        try:
            effort = Measures(self.quarantine, self.audit, self.pool).begin(list(session.work.values()))
            effort.wait_unless_hung()
            carried = self._finish(effort.ended(), session.holder)
            if effort.left:
                self._finish_later(effort, session.holder)
                under_way = True
        finally:
            if not under_way:
                self.holders.give_back(session.holder)
        return _Carried(carried.cases | {case.id: self.store.get(case.id) for case in effort.left}, carried.errors)

    def _finish_later(self, effort: Effort, holder: int) -> None:
        """Finish in a thread that waits for the disk, for as long as this process lives.

        When it dies another takes over.
        """
        for case in effort.left:
            _log.error("case %s: the disk of %s does not answer; it continues when it does", case.id, case.upload.place)

        def finish() -> None:
            try:
                effort.wait()
                for case in self._finish(effort.ended(), holder).cases.values():
                    self.concluded(case)
            except GoodhosterError as error:
                _log.critical("cases that were under way are left to be recovered: %s; %s", error, error.hint)
            finally:
                self.holders.give_back(holder)

        threading.Thread(target=finish, name="disk-does-not-answer", daemon=True).start()

    def _finish(self, outcomes: Sequence[MeasuresOutcome], holder: int) -> _Carried:
        """Write what was done to the log, then record it.

        What another process took over meanwhile belongs to that process. UnrecordedError says what was done where
        that cannot be written; `recover` records it.
        """
        if not outcomes:
            return _Carried({}, {})
        with recording(_seen(outcomes)):
            claimed = frozenset(self.store.claimed(holder))
            ours = [outcome for outcome in outcomes if outcome.case.id in claimed]
            if events := [event for outcome in ours for event in (*outcome.events, *_restore_events(outcome))]:
                self.audit.append_all(events)
            with self.session() as session:
                ended = session.unclaim(holder, [outcome.case.id for outcome in outcomes])
                cases = {outcome.case.id: self._record(session, outcome, ended) for outcome in outcomes}
        errors = {outcome.case.id: _worst(outcome.errors) for outcome in outcomes if outcome.errors}
        return _Carried(cases, errors)

    @staticmethod
    def _record(session: CaseSession, outcome: MeasuresOutcome, ended: Collection[str]) -> Case:
        before = outcome.work.case
        if before.id not in ended:
            return session.get(before.id)
        after = _restoring(outcome) if outcome.work.undoing else with_outcome(outcome.case)
        return session.end(after, before)


@dataclass(frozen=True, slots=True)
class _Carried:
    """Results of a session's work, by case."""

    cases: dict[str, Case]
    errors: dict[str, GoodhosterError]
    """Why a file could not be put back."""


def _free(session: CaseSession, case_id: str) -> Case:
    """The case, where no other process works on it."""
    if claim := session.active_claim(case_id):
        message = f"process {claim.pid} is working on case {case_id} since {claim.since:%H:%M:%S} UTC"
        raise BusyError(message, hint="its disk may not answer: see goodhoster status; run the command again later")
    return session.get(case_id)


def _expect_undecided_since(case: Case, seen: Case | None) -> None:
    """Raise RefusedError where another person decided about a case after this one saw it."""
    if seen is None or seen.state in UNDER_WAY or case.state is seen.state:
        return
    if case.actor and (case.actor, case.reason) != (seen.actor, seen.reason):
        message = f"case {case.id} was {seen.state} and is {case.state} now, by {case.actor}: {case.reason}"
        raise RefusedError(message, hint="decide otherwise by a new order, if that is still wanted")


def _is_confirmed_by(case: Case, order: Order) -> bool:
    """Whether that very order was begun and not finished."""
    return case.state is CaseState.OPEN and (case.actor, case.reason) == (order.actor, order.reason)


def _seen(outcomes: Sequence[MeasuresOutcome]) -> str:
    """What was seen of these cases, in words; of many, the first."""
    told = "; ".join(map(seen_of, outcomes[:_TOLD]))
    return f"{told}; and {len(outcomes) - _TOLD} more cases" if len(outcomes) > _TOLD else told


def _worst(errors: Sequence[GoodhosterError]) -> GoodhosterError:
    """The error to raise; what waits is no refusal yet."""
    return next((error for error in errors if isinstance(error, PassingError)), errors[0])


def _restore_events(outcome: MeasuresOutcome) -> Iterator[AuditEvent]:
    """Log entry of a restore.

    What was found done after a crash is said as such, not as done twice.
    """
    case = outcome.case
    if not outcome.work.undoing:
        return
    word = {"case": case.id, "actor": case.actor}
    if not outcome.errors:
        found = outcome.work.after_crash and not outcome.moved
        yield AuditEvent("restore.found-done" if found else "restore.done", word | {"reason": case.reason})
    elif not isinstance(error := _worst(outcome.errors), PassingError):
        yield AuditEvent("restore.refused", word | {"reason": str(error)})


def _restoring(outcome: MeasuresOutcome) -> Case:
    if not outcome.errors:
        return replace(outcome.case, state=CaseState.RESTORED)
    error = _worst(outcome.errors)
    if isinstance(error, PassingError):
        return outcome.case
    return replace(outcome.case, state=CaseState.OFFLINE, reason=f"restore refused: {error}")
