"""Carrying a case's measures out and undoing them, file by file; what came of each stands in the case returned.

The desk records the case; the audit log has each intention before its deed. Every function may be called again after a
crash at any point: what is found done is not done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from goodhoster.errors import GoodhosterError, PassingError, QuarantineError, RefusedError
from goodhoster.linux.threads import map_parallel
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, Copy, Measure, MeasureKind, MeasureState
from goodhoster.model.quarantine import Whereabouts
from goodhoster.ports import AuditLog, Quarantine

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Step:
    """One file of a case."""

    case: Case
    number: int

    @property
    def measure(self) -> Measure:
        return self.case.measures[self.number]

    @property
    def name(self) -> str:
        return self.case.quarantine_id(self.number)

    @property
    def copy(self) -> Copy:
        return self.case.about(self.number)

    def event(self, kind: str, **more: str) -> AuditEvent:
        return AuditEvent(kind, _names(self.case, self.number) | more)


@dataclass(frozen=True, slots=True)
class _End:
    """What came of a step."""

    measure: Measure
    event: AuditEvent | None
    """None where the log says so already."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of putting a case's files back."""

    case: Case
    refusal: GoodhosterError | None
    """The first one; the other files went on."""
    moved: bool
    """Was any file put back by this, and not found back already?"""


@dataclass(frozen=True, slots=True)
class Measures:
    """Does and undoes."""

    quarantine: Quarantine
    audit: AuditLog

    def carry_out(self, cases: Sequence[Case], *, after_crash: bool = False, waits_for: str = "") -> list[Case]:
        """Take every file of the cases offline that is not; the log has all intentions before the first deed. Never
        raises for one that cannot be, or not now: that one stays intended. AuditError stops.

        `waits_for` says why none may be taken now: then only what a crash had left done is found so.
        """
        steps = [_Step(c, n) for c in cases for n, m in enumerate(c.measures) if m.state is not MeasureState.DONE]
        found = _side_by_side(self._found, steps) if after_crash else [None] * len(steps)
        left = [step for step, end in zip(steps, found, strict=True) if end is None]
        if waits_for:
            taken = iter([_not_done(step, PassingError(waits_for)) for step in left])
        else:
            self.audit.append_all([_intended(s) for s in left if s.measure.state is not MeasureState.FAILED])
            taken = iter(_side_by_side(self._take_offline, left))
        ends = [end or next(taken) for end in found]
        self.audit.append_all([end.event for end in ends if end.event])
        after = {(step.case.id, step.number): end.measure for step, end in zip(steps, ends, strict=True)}
        return [_with(case, after) for case in cases]

    def undo(self, case: Case) -> Undone:
        """Put every file of the case back that is in quarantine. PassingError when that cannot be done now."""
        refusal: GoodhosterError | None = None
        measures, moved = list(case.measures), False
        for number, measure in enumerate(measures):
            try:
                moved = self._put_back(case, number) or moved
            except (RefusedError, QuarantineError) as error:
                refusal = refusal or error
            else:
                measures[number] = _undone(measure)
        return Undone(replace(case, measures=tuple(measures)), refusal, moved)

    def _found(self, step: _Step) -> _End | None:
        """Was it done before a crash? That is said as such, not as done twice; None when it is to be done."""
        try:
            if self.quarantine.settle(step.name, step.copy.upload) is Whereabouts.QUARANTINE:
                return _done(step, "found done after a crash", "measure.found-done")
        except GoodhosterError as error:
            return _not_done(step, error)
        return None

    def _take_offline(self, step: _Step) -> _End:
        try:
            detail = self.quarantine.take_offline(step.name, step.copy.upload, step.copy.sha256)
        except GoodhosterError as error:
            return _not_done(step, error)
        return _done(step, detail, "measure.done")

    def _put_back(self, case: Case, number: int) -> bool:
        """False when it is not in quarantine (any more)."""
        upload, name = case.about(number).upload, case.quarantine_id(number)
        if self.quarantine.settle(name, upload) is not Whereabouts.QUARANTINE:
            return False
        try:
            self.quarantine.put_back(name, upload)
        except QuarantineError:
            if self.quarantine.settle(name, upload) is Whereabouts.QUARANTINE:
                raise
        return True


def _side_by_side(do: Callable[[_Step], Result], steps: Sequence[_Step]) -> list[Result]:
    """What it makes of each, in their order. Names of one file are taken one after the other: the label of the first
    tells how it was before it was locked.
    """
    names: dict[tuple[int, int], list[int]] = {}
    for number, step in enumerate(steps):
        state = step.copy.upload.state
        names.setdefault((state.dev, state.ino), []).append(number)
    files = list(names.values())
    results = map_parallel(lambda numbers: [do(steps[number]) for number in numbers], files)
    by_number = dict(zip(chain.from_iterable(files), chain.from_iterable(results), strict=True))
    return [by_number[number] for number in range(len(steps))]


def _undone(measure: Measure) -> Measure:
    return replace(measure, state=MeasureState.UNDONE) if measure.state is MeasureState.DONE else measure


def _intended(step: _Step) -> AuditEvent:
    return AuditEvent("measure.intended", about(step.case, step.number) | {"reason": step.case.reason})


def _done(step: _Step, detail: str, event: str) -> _End:
    return _End(replace(step.measure, state=MeasureState.DONE, detail=detail), step.event(event, detail=detail))


def _not_done(step: _Step, error: GoodhosterError) -> _End:
    """What the quarantine raises, and nothing else."""
    if isinstance(error, RefusedError):
        state, kind, detail = MeasureState.REFUSED, "measure.refused", str(error)
    elif isinstance(error, PassingError):
        state, kind, detail = MeasureState.INTENDED, "measure.waits", f"waits: {error}"
    elif isinstance(error, QuarantineError):
        state, kind, detail = MeasureState.FAILED, "measure.failed", str(error)
    else:
        raise error
    said = detail == step.measure.detail and state is not MeasureState.REFUSED
    event = None if said else step.event(kind, reason=detail)
    return _End(replace(step.measure, state=state, detail=detail), event)


def _with(case: Case, measures: Mapping[tuple[str, int], Measure]) -> Case:
    return replace(case, measures=tuple(measures.get((case.id, n), m) for n, m in enumerate(case.measures)))


def about(case: Case, number: int = 0) -> dict[str, str]:
    """What the audit log says of a case, or of one file of it."""
    copy = case.about(number) if case.measures else None
    upload, sha256 = (copy.upload, copy.sha256) if copy else (case.upload, case.digests.sha256)
    return {
        **_names(case, number),
        "customer": upload.customer,
        "path": str(upload.place),
        "sha256": sha256.hex(),
        "matches": ", ".join(f"{match.source}/{match.algorithm}/{match.category}" for match in case.matches),
        **({"notice": case.notice, "notifier": case.notifier} if case.notice else {}),
    }


def with_outcome(case: Case) -> Case:
    """In the state that its measures add up to."""
    state, reason = _outcome(case)
    return replace(case, state=state, reason=reason)


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


def planned(files: Sequence[Measure]) -> tuple[Measure, ...]:
    """The same measures, under way."""
    return tuple(replace(m, state=MeasureState.INTENDED) if m.state is not MeasureState.DONE else m for m in files)


def _names(case: Case, number: int) -> dict[str, str]:
    names = {"case": case.id, "measure": MeasureKind.QUARANTINE.value}
    return names if number == 0 else names | {"copy": str(number)}
