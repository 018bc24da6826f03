"""Handling of the objects of one bucket: list, find by ETag, fetch and check each.

`ObjectHandling.list`, `follow_hints` and `check` are the whole procedure. An ETag only finds: nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from goodhoster.errors import AuditError, NotAnUploadError, UnrecordedError
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.digests import Algorithm, Digest, Digests
from goodhoster.model.objects import StoredObject, place_of
from goodhoster.model.uploads import OTHER_ARCHIVE, Content
from goodhoster.model.verdicts import NO_SAY, ContentKind, Verdict, VerdictKind
from goodhoster.ports.objects import ObjectStore
from goodhoster.upload_handling import UploadHandling
from goodhoster.uploads.check_scheduling import AFTER_CHANGE, delay, wait_after
from goodhoster.uploads.object_queue import ObjectJob, ObjectQueue, Urgency

NOT_FETCHED = "not-fetched"
"""Reason of an object that no source knows by its ETag, where only those are fetched."""
_AFTER_AUDIT_ERROR = 5.0
_HINTS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ObjectOutcome:
    """What became of one object."""

    verdict: Verdict | None = None
    """None where it is not there any more."""
    case: Case | None = None
    audit_error: AuditError | None = None
    """Nothing was acted on: the audit log cannot be written."""
    unrecorded: UnrecordedError | None = None
    """It was acted on, and the outcome could not be written."""


@dataclass(frozen=True, slots=True)
class ObjectHandling:
    """Handles the objects of one bucket. Threads may share it."""

    bucket: str
    store: ObjectStore
    queue: ObjectQueue
    uploads: UploadHandling
    """Its examiner opens objects, too."""
    customer_of: Callable[[str], str]
    """Whose an object is, by its key."""
    fetch_all: bool
    """Fetch every object, or only those that a source knows by their ETag."""
    clock: Callable[[], float]

    def list(self, stopping: Callable[[], bool]) -> int:
        """Compare the bucket with what was checked; returns how many objects it has.

        What is new or changed waits for its check, first what a source knows by its ETag. Of objects that were
        checked before, lists on this host are asked again: they may have grown.
        """
        listing, count = self.queue.begin_listing(self.bucket), 0
        for page in self.store.list():
            settled = set(self.queue.same(self.bucket, listing, page))
            urgent = [(one, self._urgency(one, checked_before=one in settled)) for one in page]
            waiting = [(one, urgency) for one, urgency in urgent if urgency is Urgency.KNOWN or one not in settled]
            self.queue.queue(self.bucket, listing, waiting, self.clock())
            count += len(page)
            if stopping():
                return count
        self.queue.end_listing(self.bucket, listing, self.clock())
        return count

    def follow_hints(self) -> int:
        """Have checked what a notification told of; returns how many hints there were."""
        keys = self.queue.hints(self.bucket, _HINTS_AT_ONCE)
        for key in keys:
            looked = self.store.look(key)
            self.queue.hint_followed(self.bucket, key, looked[0] if looked else None, self.clock())
        return len(keys)

    def check(self, job: ObjectJob) -> ObjectOutcome:
        """Fetch an object, examine it as a file is, decide through the case desk, and act."""
        if not self.fetch_all and self._urgency(job.found, checked_before=False) is not Urgency.KNOWN:
            self.queue.leave(job, NOT_FETCHED)
            return ObjectOutcome(Verdict(VerdictKind.UNCHECKED, reason=NOT_FETCHED))
        place, case = place_of(self.bucket, job.found.key), None
        try:
            with self.uploads.examiner.examine(place) as found:
                acted = self.uploads.act(self.customer_of(job.found.key), place, found)
                verdict, case = acted.verdict, acted.case
        except NotAnUploadError:
            self.queue.forget(job)
            return ObjectOutcome()
        except AuditError as error:
            self.queue.retry(job, "not-recorded", self.clock() + delay(job.tries, _AFTER_AUDIT_ERROR))
            return ObjectOutcome(audit_error=error)
        except UnrecordedError as error:
            self.queue.retry(job, "not-recorded", self.clock() + delay(job.tries, _AFTER_AUDIT_ERROR))
            return ObjectOutcome(unrecorded=error)
        self._update_row(job, verdict, case)
        return ObjectOutcome(verdict, case)

    def _update_row(self, job: ObjectJob, verdict: Verdict, case: Case | None) -> None:
        if case is not None and case.state is CaseState.GONE:  # it was another object by then
            self.queue.retry(job, "changed", self.clock() + AFTER_CHANGE)
        elif verdict.reason not in {"", OTHER_ARCHIVE, *NO_SAY}:
            self.queue.retry(job, verdict.reason, self.clock() + wait_after(verdict, None, job.tries))
        else:
            self.queue.settle(job)

    def _urgency(self, found: StoredObject, *, checked_before: bool) -> Urgency:
        """Whether a source knows the ETag; one that fails says nothing."""
        if found.md5 is None or not found.size:
            return Urgency.LISTED
        examiner = self.uploads.examiner
        if checked_before:
            examiner = replace(examiner, sources=[source for source in examiner.sources if source.local])
        content = Content(Digests.only(Digest(Algorithm.MD5, found.md5)), ContentKind.IMAGE, found.size)
        verdict = examiner.ask(content, ask_services=True, live=False, place=place_of(self.bucket, found.key))
        return Urgency.KNOWN if verdict.matches else Urgency.LISTED
