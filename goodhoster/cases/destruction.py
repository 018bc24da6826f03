"""The end of files in quarantine: the restore window is over and a sealed copy is whole.

In the log before it is done and after. What a crash left is found by where the file lies: gone, and the log has the
intention, means that it was done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from goodhoster.cases.desk import CaseDesk
from goodhoster.errors import GoodhosterError, RefusedError, UnrecordedError, recording
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, MeasureKind, MeasureState
from goodhoster.model.quarantine import Whereabouts
from goodhoster.model.sealed_evidence import SealedCopy
from goodhoster.ports import CaseQuery, Clock

_log = logging.getLogger(__name__)
MOST_A_ROUND = 1_000
"""Files that one round destroys; the rest the next day."""
MOST_BYTES = 100 << 30
"""Bytes of sealed copies that one round reads to compare them."""
_CASES_PER_PIECE = 200


class SealedCopies(Protocol):
    """The sealed copies of files in quarantine, by the files' names there."""

    def copy(self, evidence_id: str) -> SealedCopy:
        """What is known of the copy of a file; reads all of it.

        EvidenceError when that cannot be read.
        """

    def unless_held(self, evidence_id: str, /) -> AbstractContextManager[None]:
        """Keep anybody from putting a hold on it meanwhile; RefusedError where one is on it."""


class NoSealedCopies:
    """Where nothing is sealed."""

    def copy(self, evidence_id: str) -> SealedCopy:
        """See `SealedCopies`."""
        return SealedCopy(whole=False, why=f"there is no sealed copy of {evidence_id}: nothing is sealed here")

    def unless_held(self, _evidence_id: str) -> AbstractContextManager[None]:
        """See `SealedCopies`. Holds are on sealed copies."""
        return nullcontext()


@dataclass(frozen=True, slots=True)
class DestructionRules:
    """What the house has set."""

    after: timedelta
    """The restore window, from when the case was closed."""
    without_copy: bool = False


@dataclass(slots=True)
class DestructionResult:
    """What one round did."""

    destroyed: list[str] = field(default_factory=list)
    stayed: dict[str, str] = field(default_factory=dict)
    """Files that stay although the window is over, as a hold, an appeal or an order wants, and why."""
    unsealed: dict[str, str] = field(default_factory=dict)
    """Files that stay since no sealed copy is there as it was written, and why."""
    failed: dict[str, str] = field(default_factory=dict)
    """Files that could not be destroyed, and why."""


@dataclass(frozen=True, slots=True)
class QuarantineDestruction:
    """Destroys what nobody may put back any more; once a day, bounded."""

    desk: CaseDesk
    rules: DestructionRules
    copies: SealedCopies
    forbids: Callable[[Case], str]
    """Why the files of a case must stay for now, such as an open appeal; empty where nothing says so."""
    clock: Clock

    def run_once(self, stopping: Callable[[], bool] = lambda: False) -> DestructionResult:
        """Destroy what is due; nothing in mode observe. Never raises for one file."""
        result, left = DestructionResult(), MOST_BYTES
        for case in self._due():
            for number, measure in enumerate(case.measures):
                if stopping() or left < 0 or len(result.destroyed) >= MOST_A_ROUND:
                    return result
                if measure.kind is MeasureKind.QUARANTINE and measure.state is MeasureState.DONE:
                    left -= case.about(number).upload.state.size
                    self._destroy_if_due(case, number, result)
        return result

    def _due(self) -> Iterator[Case]:
        """Closed cases whose files have lain in quarantine for longer than the window, oldest first."""
        until = self.clock() - self.rules.after
        query = CaseQuery(states=frozenset({CaseState.OFFLINE}), opened_before=until)
        ids = self.desk.store.ids(query) if self.desk.rules.enforce else ()
        for begin in range(0, len(ids), _CASES_PER_PIECE):
            for case in self.desk.store.get_all(ids[begin : begin + _CASES_PER_PIECE]):
                if case.closed_at is not None and case.closed_at < until:
                    yield case

    def _destroy_if_due(self, case: Case, number: int, result: DestructionResult) -> None:
        name = case.quarantine_id(number)
        try:
            copy = self.copies.copy(name)
            if copy.held or (why := self.forbids(case)):
                result.stayed[name] = copy.why if copy.held else why
                return
            if not copy.whole and not self.rules.without_copy:
                result.unsealed[name] = copy.why
                return
            with self.copies.unless_held(name):
                self._destroy(case, number)
            result.destroyed.append(name)
        except UnrecordedError as error:
            result.failed[name] = str(error)
            _log.error("not recorded yet: %s", error)
        except GoodhosterError as error:
            result.failed[name] = str(error)
            _log.error("%s in quarantine is not destroyed: %s", name, error)

    def _destroy(self, case: Case, number: int) -> None:
        """Destroy one file: intention in the log, the deed, the outcome in the log, the record."""
        name, upload, done = case.quarantine_id(number), case.about(number).upload, "destroyed"
        if self.desk.quarantine.recover(name, upload) is Whereabouts.QUARANTINE:
            self._append("measure.destroying", case, number)
            self.desk.quarantine.destroy(name, upload)
            with recording(f"{name} is destroyed"):
                self._append("measure.destroyed", case, number)
        else:
            logged = self._logged(case, number)
            if "measure.destroying" not in logged:
                raise RefusedError(f"{name} is not in quarantine, and nobody destroyed it through us")
            done = "found destroyed after a crash"
            if "measure.destroyed" not in logged:
                self._append("measure.destroyed", case, number)
        with recording(f"{name} is destroyed"):
            self._record(case.id, number, f"{done} on {self.clock():%Y-%m-%d %H:%M} UTC")

    def _record(self, case_id: str, number: int, detail: str) -> None:
        """The case may have changed meanwhile: only this measure is replaced."""
        with self.desk.session() as session:
            case = session.get(case_id)
            measures = list(case.measures)
            measures[number] = replace(measures[number], state=MeasureState.DESTROYED, detail=detail)
            session.replace(replace(case, measures=tuple(measures)), case)

    def _append(self, kind: str, case: Case, number: int) -> None:
        data = _about(case, number) | {"sha256": case.about(number).sha256.hex()}
        days = self.rules.after / timedelta(days=1)
        self.desk.audit.append(AuditEvent(kind, data | {"reason": f"the restore window of {days:g} days is over"}))

    def _logged(self, case: Case, number: int) -> set[str]:
        """The kinds of entries about that file; the log is read only after a crash."""
        about = _about(case, number)
        about.setdefault("copy", "")
        return {
            entry.event.kind
            for entry in self.desk.audit.entries()
            if all((entry.event.data.get(name) or "") == value for name, value in about.items())
        }


def _about(case: Case, number: int) -> dict[str, str]:
    named = {"case": case.id, "measure": MeasureKind.QUARANTINE.value}
    return named if case.measures[number].copy is None else named | {"copy": str(number)}
