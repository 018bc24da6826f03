"""Execution and reversal of cases' measures, file by file, without any lock.

The result of each is an outcome. The desk records it; the audit log has each intention before its deed. All may be done
again after a crash at any point: what is found done is not done twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace

from goodhoster.errors import AuditError, GoodhosterError, PassingError, QuarantineError, RefusedError
from goodhoster.linux.disk_pool import DiskPool
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, Copy, Measure, MeasureKind, MeasureState
from goodhoster.model.objects import is_bucket
from goodhoster.model.quarantine import QuarantineRequest, Whereabouts
from goodhoster.ports import AuditLog, Quarantine

_BYTES_A_SECOND = 20_000_000
"""As slowly as a file is read by a disk that does not hang; see `model.mover_messages.time_limit`."""
_MOST_SECONDS_FOR_A_FILE = 130.0
"""Seconds that asking about a file and moving it take at the most, beside reading it: the movers' own limit, twice."""


_FILES_PER_CALL = 25
"""Files of one call: a piece of a notice is two calls, for both of two cores."""
_SMALL_FILE_BYTES = 8 << 20
"""Bytes of a file that is taken together with others: none of them waits for long until it is read."""
_SYNC_SECONDS = 0.1
"""Seconds more that a call may take for each of its files."""


@dataclass(frozen=True, slots=True)
class Work:
    """A case to be carried out; to be undone where it is being restored."""

    case: Case
    after_crash: bool = False
    """It may have been begun before, by this process or another."""
    waits_for: str = ""
    """Why none of its files may be taken offline now: then only what a crash had left done is found so."""
    moved: bool = False
    """Of what is put back: a person says that another directory than before is the right one."""

    @property
    def undoing(self) -> bool:
        """Whether it is to be put back."""
        return self.case.state is CaseState.RESTORING


@dataclass(frozen=True, slots=True)
class _Step:
    """One file of a case."""

    work: Work
    number: int

    @property
    def case(self) -> Case:
        return self.work.case

    @property
    def measure(self) -> Measure:
        return self.case.measures[self.number]

    @property
    def name(self) -> str:
        return self.case.quarantine_id(self.number)

    @property
    def copy(self) -> Copy:
        return self.case.about(self.number)

    @property
    def size(self) -> int:
        return self.copy.upload.state.size

    @property
    def goes_with_others(self) -> bool:
        """Whether it is a file that is taken for the first time, and soon done.

        Objects go one by one: what they wait for is a store, and several at once are asked for sooner.
        """
        in_bucket = is_bucket(self.copy.upload.place.tree)
        return not (self.work.undoing or self.work.after_crash or in_bucket) and self.size <= _SMALL_FILE_BYTES

    @property
    def said(self) -> bool:
        """Whether the log has the intention already."""
        return self.measure.state is MeasureState.FAILED

    def event(self, kind: str, **more: str) -> AuditEvent:
        return AuditEvent(kind, _names(self.case, self.number) | more)


@dataclass(frozen=True, slots=True)
class _End:
    """Result of a step."""

    measure: Measure
    event: AuditEvent | None = None
    """None where the log says so already."""
    error: GoodhosterError | None = None
    """Why a file was not put back."""
    moved: bool = False
    """Was it put back by this, and not found back already?"""


@dataclass(frozen=True, slots=True)
class MeasuresOutcome:
    """Result for a case."""

    work: Work
    case: Case
    """With its measures as they are now; in the state that it had."""
    events: tuple[AuditEvent, ...]
    """What the log does not say yet."""
    errors: tuple[GoodhosterError, ...] = ()
    """Why files were not put back; the others were."""
    moved: bool = False
    """Was any file put back by this?"""


class Effort:
    """Cases that are being carried out, each file in a thread of its disk."""

    def __init__(self, pool: DiskPool, works: Sequence[Work]) -> None:
        self._pool = pool
        self._left = {work.case.id: work for work in works}
        self._steps: dict[str, list[_Step]] = {work.case.id: list(_steps_of(work)) for work in works}
        self._calls: list[tuple[int, Future[list[_End]]]] = []
        self._where: dict[tuple[str, int], tuple[Future[list[_End]], int]] = {}

    def begin(self, do: Callable[[_Step], _End], do_together: Callable[[Sequence[_Step]], list[_End]]) -> None:
        """Start the measures: small files together, names of one file one after the other.

        The label of the first name records how the file was before it was locked.
        """
        files: dict[tuple[int, int], list[_Step]] = defaultdict(list)
        for step in (step for steps in self._steps.values() for step in steps):
            state = step.copy.upload.state
            files[state.dev, state.ino].append(step)
        together: dict[int, list[_Step]] = defaultdict(list)
        for (disk, _), names in files.items():
            if len(names) == 1 and names[0].goes_with_others:
                together[disk] += names
            else:
                self._call(disk, names, lambda steps: list(map(do, steps)))
        for disk, steps in together.items():
            for begin in range(0, len(steps), _FILES_PER_CALL):
                self._call(disk, steps[begin : begin + _FILES_PER_CALL], do_together)

    def _call(self, disk: int, steps: Sequence[_Step], do: Callable[[Sequence[_Step]], list[_End]]) -> None:
        seconds = sum(step.size for step in steps) / _BYTES_A_SECOND + len(steps) * _SYNC_SECONDS
        future = self._pool.submit(disk, lambda: do(steps), seconds=seconds)
        self._calls.append((disk, future))
        for number, step in enumerate(steps):
            self._where[step.case.id, step.number] = future, number

    def wait_unless_hung(self) -> None:
        """Wait until every file was moved or its disk hangs.

        What had not begun there then waits for another time.
        """
        self._pool.wait_unless_hung(self._calls)

    def wait(self) -> None:
        """Wait for everything, also for disks that do not answer."""
        wait_for([future for _, future in self._calls])

    def ended(self) -> list[MeasuresOutcome]:
        """Cases whose files are all finished, each once.

        Raises what stopped one, such as AuditError.
        """
        ready = [case_id for case_id, steps in self._steps.items() if all(self._future(step).done() for step in steps)]
        return [self._outcome(self._left.pop(case_id), self._steps.pop(case_id)) for case_id in ready]

    @property
    def left(self) -> list[Case]:
        """The cases that are still under way."""
        return [work.case for work in self._left.values()]

    def _future(self, step: _Step) -> Future[list[_End]]:
        return self._where[step.case.id, step.number][0]

    def _end(self, step: _Step) -> _End:
        future, number = self._where[step.case.id, step.number]
        try:
            return future.result()[number]
        except CancelledError:
            return _not_done(step, PassingError(f"the disk of {step.copy.upload.place} does not answer"))

    def _outcome(self, work: Work, steps: Sequence[_Step]) -> MeasuresOutcome:
        ends = {step.number: self._end(step) for step in steps}
        measures = tuple(
            ends[number].measure if number in ends else measure for number, measure in enumerate(work.case.measures)
        )
        return MeasuresOutcome(
            work,
            replace(work.case, measures=measures),
            tuple(end.event for end in ends.values() if end.event),
            tuple(end.error for end in ends.values() if end.error),
            any(end.moved for end in ends.values()),
        )


@dataclass(frozen=True, slots=True)
class Measures:
    """Execution and reversal of measures."""

    quarantine: Quarantine
    audit: AuditLog
    pool: DiskPool

    def begin(self, works: Sequence[Work]) -> Effort:
        """Take every file of the cases offline that is not, or put it back.

        The log has all intentions before the first deed. Nothing is raised for a file that cannot be moved, or
        not now: that one goes on waiting. AuditError stops.
        """
        effort = Effort(self.pool, works)
        fresh = (work for work in works if not work.undoing and not work.after_crash)
        if intended := [_intended(step) for work in fresh for step in _steps_of(work) if not step.said]:
            self.audit.append_all(intended)
        effort.begin(self._carry_out, self._take_together)
        return effort

    def _carry_out(self, step: _Step) -> _End:
        if step.work.undoing:
            return self._undo(step)
        return self._retake(step) if step.work.after_crash else self._take_offline(step)

    def _retake(self, step: _Step) -> _End:
        """Take a file offline unless that was done before a crash.

        What was done before is reported as such, not as done twice.
        """
        try:
            if self.quarantine.recover(step.name, step.copy.upload) is Whereabouts.QUARANTINE:
                return _done(step, "found done after a crash", "measure.found-done")
        except GoodhosterError as error:
            return _not_done(step, error)
        if step.work.waits_for:
            return _not_done(step, PassingError(step.work.waits_for))
        try:
            if not step.said:
                self.audit.append(_intended(step))
        except AuditError as error:  # others of the same effort may be done: theirs is still told
            return _not_done(step, PassingError(str(error)))
        return self._take_offline(step)

    def _take_together(self, steps: Sequence[_Step]) -> list[_End]:
        if len(steps) == 1:
            return [self._take_offline(steps[0])]
        files = [QuarantineRequest(step.name, step.copy.upload, step.copy.sha256) for step in steps]
        results = self.quarantine.take_all_offline(files)
        return [_taken(step, result) for step, result in zip(steps, results, strict=True)]

    def _take_offline(self, step: _Step) -> _End:
        try:
            detail = self.quarantine.take_offline(step.name, step.copy.upload, step.copy.sha256)
        except GoodhosterError as error:
            return _taken(step, error)
        return _taken(step, detail)

    def _undo(self, step: _Step) -> _End:
        try:
            moved = self._put_back(step)
        except (RefusedError, QuarantineError, PassingError) as error:
            return _End(step.measure, error=error)
        return _End(_reversed(step.measure), moved=moved)

    def _put_back(self, step: _Step) -> bool:
        """Put a file back; False when it is not in quarantine (any more).

        What was taken must be at its place then.
        """
        upload, name = step.copy.upload, step.name
        if self.quarantine.recover(name, upload) is not Whereabouts.QUARANTINE:
            if step.measure.state is MeasureState.DONE:
                self.quarantine.verify_in_place(upload, step.copy.sha256)
            return False
        try:
            self.quarantine.put_back(name, upload, moved=step.work.moved)
        except QuarantineError:
            if self.quarantine.recover(name, upload) is Whereabouts.QUARANTINE:
                raise
            self.quarantine.verify_in_place(upload, step.copy.sha256)
        return True


def allowance(case: Case) -> float:
    """Seconds that carrying it out takes at the most, whatever its disks do.

    Movers that hang end themselves.
    """
    files = (case.about(number).upload.state.size for number in range(len(case.measures)))
    return sum(_MOST_SECONDS_FOR_A_FILE + 2 * size / _BYTES_A_SECOND for size in files)


def _steps_of(work: Work) -> Iterator[_Step]:
    for number, measure in enumerate(work.case.measures):
        if work.undoing or measure.state is not MeasureState.DONE:
            yield _Step(work, number)


def _reversed(measure: Measure) -> Measure:
    return replace(measure, state=MeasureState.UNDONE) if measure.state is MeasureState.DONE else measure


def _intended(step: _Step) -> AuditEvent:
    return AuditEvent("measure.intended", about(step.case, step.number) | {"reason": step.case.reason})


def _taken(step: _Step, result: str | GoodhosterError) -> _End:
    return _not_done(step, result) if isinstance(result, GoodhosterError) else _done(step, result, "measure.done")


def _done(step: _Step, detail: str, event: str) -> _End:
    return _End(replace(step.measure, state=MeasureState.DONE, detail=detail), step.event(event, detail=detail))


def _not_done(step: _Step, error: GoodhosterError) -> _End:
    """Result for an error of the quarantine; any other is raised."""
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


def about(case: Case, number: int = 0) -> dict[str, str]:
    """Audit log data of a case, or of one file of it."""
    copy = case.about(number) if case.measures else None
    upload, sha256 = (copy.upload, copy.sha256) if copy else (case.upload, case.digests.sha256)
    return {
        **_names(case, number),
        "customer": upload.customer,
        "path": str(upload.place),
        "sha256": sha256.hex(),
        "matches": ", ".join(f"{match.source}/{match.algorithm}/{match.category}" for match in case.matches),
        **({"answered": ", ".join(map(str, case.answered))} if case.answered else {}),
        **({"notice": case.notice, "notifier": case.notifier} if case.notice else {}),
    }


def with_outcome(case: Case) -> Case:
    """The case in the state that its measures add up to."""
    state, reason = _outcome(case)
    return replace(case, state=state, reason=reason)


def _outcome(case: Case) -> tuple[CaseState, str]:
    """Overall result of the measures, and why.

    One file that may still be online makes the case failed.
    """
    for measure in case.measures:
        if measure.state is MeasureState.FAILED:
            return CaseState.FAILED, measure.detail
    if any(measure.state is MeasureState.INTENDED for measure in case.measures):
        return CaseState.OPEN, case.reason
    if all(measure.state is MeasureState.REFUSED for measure in case.measures):
        return CaseState.GONE, case.measures[0].detail
    return CaseState.OFFLINE, case.reason


def seen_of(outcome: MeasuresOutcome) -> str:
    """What was seen of the files of a case after its measures, in words."""
    case, before = outcome.case, outcome.work.case
    files = "the file" if len(case.measures) == 1 else f"the {len(case.measures)} files"
    about, verb = f"{files} of case {case.id}", "is" if len(case.measures) == 1 else "are"
    if outcome.work.undoing:
        if outcome.errors:
            return f"{about} {verb} not back: {outcome.errors[0]}"
        was_taken = outcome.moved or any(measure.state is MeasureState.DONE for measure in before.measures)
        return f"{about} {verb} back" if was_taken else f"nothing of case {case.id} is in quarantine"
    state, why = _outcome(case)
    if state is CaseState.OFFLINE:
        return f"{about} {verb} offline"
    waits = next((measure.detail for measure in case.measures if measure.state is MeasureState.INTENDED), why)
    return f"{about} {verb} not taken offline: {waits if state is CaseState.OPEN else why}"


def planned(files: Sequence[Measure]) -> tuple[Measure, ...]:
    """These measures as intended, but for those that are done."""
    return tuple(replace(m, state=MeasureState.INTENDED) if m.state is not MeasureState.DONE else m for m in files)


def _names(case: Case, number: int) -> dict[str, str]:
    names = {"case": case.id, "measure": MeasureKind.QUARANTINE.value}
    return names if number == 0 else names | {"copy": str(number)}
