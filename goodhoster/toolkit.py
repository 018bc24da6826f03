"""The operations for callers: examine, act, restore, confirm, recover, verify.

A daemon, a command and a plugin all use these: they pass a place, get a value back, and never need to know who answers
or what carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.other_sizes import withdraw_by_name
from goodhoster.cases.storm_decisions import concerned, decided, expect_free, interrupted_decisions, taken_over
from goodhoster.errors import ConfigurationError, GoodhosterError, NotAnUploadError, RefusedError, UnrecordedError
from goodhoster.examination import Examined, Examiner
from goodhoster.model.audit import AuditFinding
from goodhoster.model.cases import Case, CaseState, Order
from goodhoster.model.digests import Digest
from goodhoster.model.storms import Cause, StormKind, StormState
from goodhoster.model.uploads import PastReading, Place, Upload
from goodhoster.model.verdicts import Verdict, VerdictKind
from goodhoster.ports import AuditLog, CaseQuery, CaseStore
from goodhoster.upload_handling import ActionResult, UploadHandling, follow_up

__all__ = [
    "ActionResult",
    "CaseOrders",
    "Examined",
    "NotAnUploadError",
    "Order",
    "RefusedOrder",
    "Toolkit",
    "UnrecordedOrder",
]

CONFIRMABLE = frozenset({CaseState.HELD, CaseState.FAILED, CaseState.OBSERVED})
"""States in which `confirm` lets a case go on that was not named by itself."""
_HELD = frozenset({CaseState.HELD})
RESTORABLE = CONFIRMABLE | {CaseState.OFFLINE, CaseState.RESTORING, CaseState.REFUSED}
"""States in which `restore` takes a case back that was not named by itself."""


class RefusedOrder(NamedTuple):
    """An order about one case that was not carried out."""

    case_id: str
    why: str


class UnrecordedOrder(NamedTuple):
    """An order about one case whose outcome could not be written: neither refused nor done."""

    case_id: str
    seen: str
    """What was seen, and why it is not recorded."""


@dataclass(frozen=True, slots=True)
class CaseOrders:
    """The results of a person's orders."""

    done: tuple[str, ...]
    refused: tuple[RefusedOrder, ...]
    unrecorded: tuple[UnrecordedOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class Toolkit:
    """The library's operations. Made by `assembly`; threads may share it."""

    store: CaseStore
    audit: AuditLog
    desk: CaseDesk
    make_examiner: Callable[[], Examiner]
    """Called by verbs that examine: whatever only concerns the record opens no hash source."""
    check_again: Callable[[Sequence[Upload]], None] = lambda _: None
    """Makes files wait for a check: what their last one found holds no longer."""
    check_sizes: Callable[[Place], None] = lambda _: None
    """Makes those files wait for a check that are known to be other sizes of the picture at that place."""

    @property
    def examiner(self) -> Examiner:
        """The examiner of files."""
        return self.make_examiner()

    @property
    def upload_handling(self) -> UploadHandling:
        """The handling of uploads from the queue."""
        return UploadHandling(self.examiner, self.desk, self.check_again, self.check_sizes)

    def examine(
        self, place: Place, remembered: PastReading | None = None, *, live: bool = False
    ) -> AbstractContextManager[Examined]:
        """Read a file once and ask every source, see `Examiner`.

        Inside the `with`, the file stays open: act there.
        """
        return self.examiner.examine(place, remembered, live=live)

    def act(self, customer: str, place: Place, examined: Examined) -> ActionResult:
        """Let the case desk decide about a match and carry it out, see `UploadHandling`."""
        return self.upload_handling.act(customer, place, examined)

    def late(self) -> list[Case]:
        """Measures that come late, because they could not be carried out before.

        Each waits for `proceed`.
        """
        return self.desk.late()

    def proceed(self, case: Case) -> Case:
        """Ask the sources again about a late measure, and continue it as they answer now.

        Returns the case, as it was when they cannot all be asked.
        """
        return follow_up(self.desk.proceed(case.id, self._current_answer(case)), self.check_again, self.check_sizes)

    def restore(self, case_ids: Sequence[str], order: Order) -> CaseOrders:
        """Undo measures by order of a person.

        Each case is undone by itself, whatever becomes of the others.
        """
        seen = self._case_states(case_ids)
        return _each(case_ids, lambda case_id: self._put_back(case_id, order, seen.get(case_id)))

    def confirm(self, case_ids: Sequence[str], order: Order) -> CaseOrders:
        """Act on held, failed, observed or restored matches, unless their sources say no.

        Each case is confirmed by itself. Where the sources cannot be asked, the person's order is enough.
        """
        seen = self._case_states(case_ids)
        return _each(
            case_ids,
            lambda case_id: self._confirm(
                case_id, order, self._current_answer(self.store.get(case_id)), seen.get(case_id)
            ),
        )

    def cancel(self, case_ids: Sequence[str], order: Order) -> CaseOrders:
        """Cancel measures that wait, each by itself.

        Nothing is taken offline, and what was left half done is put back.
        """
        return _each(case_ids, lambda case_id: self.desk.cancel(case_id, order))

    def rule(self, digest: Digest, state: StormState, order: Order) -> None:
        """Apply a person's ruling about a content at every customer.

        Undone, it is held from then on everywhere, until it is released; released, its being at many customers
        is no storm. BusyError while another decision about a storm of it is carried out.
        """
        for sha256 in sorted({case.digests.sha256 for case in self.store.find(CaseQuery(digest=digest))}):
            with self.desk.session() as session:
                cause = Cause(StormKind.CONTENT, sha256.hex())
                expect_free(self.desk, list(session.brake.storms.newest([cause]).values()), state)
                session.brake.decide_content(sha256, state, order)

    def undo_storm(self, storm_id: str, order: Order) -> CaseOrders:
        """Put back every file that the storm and its parts took offline.

        What the storm held is overruled. It goes on to brake. BusyError while another decision about it is carried
        out.
        """
        with decided(self.desk, storm_id, StormState.UNDONE, order) as case_ids:
            return self._carry_out_storm(StormState.UNDONE, case_ids, order)

    def release_storm(self, storm_id: str, order: Order) -> CaseOrders:
        """Release what the storm and its parts held, where their sources still know it.

        RefusedError in mode observe; BusyError while another decision about it is carried out. What cannot be
        asked about stays held: nobody looked at each of these, so the sources' answer is needed.
        """
        self.desk.expect_enforcing()
        with decided(self.desk, storm_id, StormState.RELEASED, order) as case_ids:
            return self._carry_out_storm(StormState.RELEASED, case_ids, order)

    def cases_of_decision(self, storm_id: str, state: StormState) -> list[str]:
        """Cases that `undo_storm` or `release_storm` would act on now, in their order."""
        return self._deciding(concerned(self.desk, self.desk.brake.whole(storm_id), state), state)

    def recover_storms(self) -> list[str]:
        """Go on with decisions about storms whose process died; the ids of those storms."""
        left = interrupted_decisions(self.desk)
        for storm in left:
            order = Order(storm.actor, storm.decision_reason)
            with taken_over(self.desk, storm) as case_ids:
                self._carry_out_storm(storm.state, case_ids, order)
        return [storm.id for storm in left]

    def _carry_out_storm(self, state: StormState, case_ids: Sequence[str], order: Order) -> CaseOrders:
        chosen = self._deciding(case_ids, state)
        if state is StormState.UNDONE:
            return self.restore(chosen, order)
        return _each(chosen, lambda case_id: self._release(case_id, order))

    def _deciding(self, case_ids: Sequence[str], state: StormState) -> list[str]:
        wanted = RESTORABLE if state is StormState.UNDONE else _HELD
        return [case_id for case_id in case_ids if self.store.get(case_id).state in wanted]

    def _case_states(self, case_ids: Sequence[str]) -> dict[str, Case]:
        """The cases as they are when an order about them begins."""
        seen: dict[str, Case] = {}
        for case_id in case_ids:
            with suppress(RefusedError):  # there is no such case: that is told where it is its turn
                seen[case_id] = self.store.get(case_id)
        return seen

    def _put_back(self, case_id: str, order: Order, seen: Case | None) -> Case:
        case = self.desk.restore(case_id, order, seen)
        withdraw_by_name(self.desk, case.upload.place)
        return case

    def _release(self, case_id: str, order: Order) -> Case:
        by_now = self._current_answer(self.store.get(case_id))
        if by_now and by_now.kind is VerdictKind.UNCHECKED:
            message = f"its sources cannot be asked again now: {by_now.detail}"
            raise RefusedError(message, hint="run the command again when they answer")
        return self._confirm(case_id, order, by_now)

    def _confirm(self, case_id: str, order: Order, by_now: Verdict | None, seen: Case | None = None) -> Case:
        case = self.desk.confirm(case_id, order, by_now, seen)
        return _must_be_offline(follow_up(case, self.check_again, self.check_sizes))

    def _current_answer(self, case: Case) -> Verdict | None:
        """The current answer of the sources about a case, never a cached one.

        None where no source is a reason of the case, and where the file is not there as it was: that is for the
        quarantine to report.
        """
        if not case.matches or case.notice or case.is_attempt:
            return None
        try:
            with suppress(NotAnUploadError), self.examine(case.upload.place, live=True) as checked:
                return checked.verdict if checked.state in {None, case.upload.state} else None
        except ConfigurationError as error:  # only the service may have the secrets of sources
            return Verdict(VerdictKind.UNCHECKED, reason="no-source", detail=str(error))
        return None

    def verify(self) -> AuditFinding:
        """Check that the audit log is whole."""
        return self.audit.verify()


def _each(case_ids: Sequence[str], carry_out: Callable[[str], Case]) -> CaseOrders:
    done: list[str] = []
    refused: list[RefusedOrder] = []
    unrecorded: list[UnrecordedOrder] = []
    for case_id in case_ids:
        try:
            carry_out(case_id)
            done.append(case_id)
        except UnrecordedError as error:
            unrecorded.append(UnrecordedOrder(case_id, str(error)))
        except GoodhosterError as error:
            refused.append(RefusedOrder(case_id, str(error)))
    return CaseOrders(tuple(done), tuple(refused), tuple(unrecorded))


def _must_be_offline(case: Case) -> Case:
    if case.state not in {CaseState.OFFLINE, CaseState.CONFIRMED}:
        raise RefusedError(f"the case is {case.state} now: {case.reason}")
    return case
