"""Handling of one upload, from its row in the queue to its outcome.

`UploadHandling.handle` is the whole procedure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto

from goodhoster.cases.desk import CaseDesk
from goodhoster.errors import AuditError, NotAnUploadError, StaleVerdictError, UnrecordedError
from goodhoster.examination import Examined, Examiner
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.uploads import OTHER_ARCHIVE, Place, Upload
from goodhoster.model.verdicts import NO_SAY, NOT_ASKABLE, ContentKind, Verdict, VerdictKind
from goodhoster.uploads.check_scheduling import (
    AFTER_CHANGE,
    delay,
    is_its_own,
    still_changing_for,
    wait_after,
)
from goodhoster.uploads.index import Job
from goodhoster.uploads.trees import Tree

Record = Callable[[Job, Examined], None]
"""Notes what was found of an upload, durably."""

_TRIES = 3
"""How often a verdict is brought to the case desk; each but the first was just asked for."""
_AFTER_AUDIT_ERROR = 5.0


class QueueAction(Enum):
    """What to do with an upload's row in the queue."""

    SETTLE = auto()
    RETRY = auto()
    """It is checked again after a while."""
    POSTPONE = auto()
    """The same, and it counts as no try: the file is still being written."""
    FORGET = auto()
    """There is no such upload (any more)."""


@dataclass(frozen=True, slots=True)
class UploadOutcome:
    """The outcome of handling one upload."""

    row: QueueAction
    wait: float = 0.0
    """Seconds until it is checked again."""
    examined: Examined | None = None
    """None when it was not examined."""
    case: Case | None = None
    """None where nothing was to be done."""
    audit_error: AuditError | None = None
    """Nothing was acted on: the audit log cannot be written."""
    unrecorded: UnrecordedError | None = None
    """It was acted on, and the outcome could not be written: the case desk goes on with it."""

    @property
    def unchecked(self) -> bool:
        """Whether an answer about it is still missing."""
        return self.row is QueueAction.RETRY and self.examined is not None and bool(self.examined.verdict.reason)

    @property
    def source_fails(self) -> bool:
        """Whether it waits for a source that does not answer."""
        if not self.unchecked or self.examined is None or self.examined.content is None:
            return False
        verdict = self.examined.verdict
        return verdict.reason != NOT_ASKABLE and not is_its_own(verdict, self.examined.content.fault)

    @property
    def sources_answered(self) -> bool:
        """Whether every source answered."""
        examined = self.examined if self.row is QueueAction.SETTLE else None
        return examined is not None and examined.asked_services and not examined.verdict.reason


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The outcome of acting on a match."""

    case: Case | None
    """None when there was nothing to do."""
    verdict: Verdict
    """As it counts now: another one where the first was too old to act on, and the sources were asked again."""


@dataclass(frozen=True, slots=True)
class UploadHandling:
    """Handles uploads. Threads may share it."""

    examiner: Examiner
    desk: CaseDesk
    check_again: Callable[[Sequence[Upload]], None] = lambda _: None
    """Makes files wait for a check: what their last one found holds no longer."""
    check_sizes: Callable[[Place], None] = lambda _: None
    """The same for what is known to be other sizes of the picture at that place."""

    def handle(self, job: Job, trees: Mapping[bytes, Tree], record: Record) -> UploadOutcome:
        """Examine one upload, decide about it through the case desk, and act on the decision.

        What was found is recorded before anything is done about it: the storm brake counts what the index
        knows, and a file that went offline before a crash must have been recorded. The row itself is for the
        caller to settle.
        """
        try:
            if not _is_covered(job.place, trees):
                return UploadOutcome(QueueAction.FORGET)
            if wait := still_changing_for(job, time.time()):
                return UploadOutcome(QueueAction.POSTPONE, wait)
            with self.examiner.examine(job.place, job.remembered) as read:
                record(job, read)
                # A notice that took the same bytes meanwhile looked for copies before this one was recorded.
                found = self.examiner.with_notice_match(job.place, read)
                acted = self.act(job.customer, job.place, found)
                examined = replace(found, verdict=acted.verdict)
                if examined != read:  # the sources were asked again, or a notice had come
                    record(job, examined)
        except NotAnUploadError:
            return UploadOutcome(QueueAction.FORGET)
        except AuditError as error:
            return UploadOutcome(QueueAction.RETRY, delay(job.tries, _AFTER_AUDIT_ERROR), audit_error=error)
        except UnrecordedError as error:
            return UploadOutcome(QueueAction.RETRY, delay(job.tries, _AFTER_AUDIT_ERROR), unrecorded=error)
        return _outcome(job, examined, acted.case)

    def act(self, customer: str, place: Place, examined: Examined) -> ActionResult:
        """Let the case desk decide about a match and carry it out.

        The sources themselves are asked again where a measure would come too late after their answer; when it
        comes too late once more, because others are waiting for theirs, it is *unchecked* (`late`), to be tried
        again.
        """
        content, verdict = examined.content, examined.verdict
        if examined.state is None or content is None or not verdict.matches:
            return ActionResult(None, verdict)
        upload = Upload(place, customer, examined.state)
        for _ in range(_TRIES):
            with suppress(StaleVerdictError):
                case = self.desk.open(upload, content.digests, verdict)
                return ActionResult(self.followed_up(case) if case else None, verdict)
            verdict = self.examiner.ask(content, ask_services=examined.asked_services, live=True, place=place)
        return ActionResult(
            None, Verdict(VerdictKind.UNCHECKED, reason="late", detail="its measure had to wait for others")
        )

    def followed_up(self, case: Case) -> Case:
        """The case, see `follow_up`."""
        return follow_up(case, self.check_again, self.check_sizes)


def follow_up(
    case: Case, check_again: Callable[[Sequence[Upload]], None], check_sizes: Callable[[Place], None]
) -> Case:
    """The case, after marking files whose index entry no longer holds to be checked again.

    Those are a file that no source knows any more, and other sizes of one that is offline now.
    """
    if case.state is CaseState.WITHDRAWN:
        check_again([case.upload])
    if case.state is CaseState.OFFLINE:
        check_sizes(case.upload.place)
    return case


def _is_covered(place: Place, trees: Mapping[bytes, Tree]) -> bool:
    """Return whether a file is still to be checked.

    It may have become private since it was queued: when it was made, a mailbox did not look like one.
    """
    tree = trees.get(place.tree)
    return tree is not None and tree.covers(place)


def _outcome(job: Job, examined: Examined, case: Case | None) -> UploadOutcome:
    """The outcome of an upload that was examined, and acted on where the house rules said so."""
    if case is not None and case.state is CaseState.GONE:  # it was another file by then
        return UploadOutcome(QueueAction.RETRY, AFTER_CHANGE, examined, case)
    if not _is_final(examined):  # unchecked, or a source still owes its answer
        fault = examined.content.fault if examined.content else None
        return UploadOutcome(QueueAction.RETRY, wait_after(examined.verdict, fault, job.tries), examined, case)
    return UploadOutcome(QueueAction.SETTLE, 0.0, examined, case)


def _is_final(examined: Examined) -> bool:
    """Whether another check of the same file would say the same.

    An archive that nothing here opens stays *unchecked* without being read again and again; what its own bytes are is
    compared with lists that grow. A picture that is one, too, is also asked about again.
    """
    content = examined.content
    is_closed = examined.verdict.reason == OTHER_ARCHIVE and content is not None and content.kind is ContentKind.OTHER
    return is_closed or examined.verdict.reason in {"", *NO_SAY}
