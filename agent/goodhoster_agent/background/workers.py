"""Take what waits in the queue, examine it, let the toolkit act, and settle the row."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from goodhoster.errors import AuditError, UncheckedError
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.uploads import POSTPONED, Place
from goodhoster.model.verdicts import Verdict, VerdictKind
from goodhoster.toolkit import Checked, NotAnUploadError, Toolkit
from goodhoster.uploads.index import Job, UploadIndex
from goodhoster.uploads.opening import open_upload
from goodhoster.uploads.queue import LONGEST_UNSETTLED
from goodhoster.uploads.retry_delay import delay
from goodhoster.uploads.trees import Tree

_log = logging.getLogger(__name__)
_BATCH = 64
_POLL = 0.25
"""Seconds between looks at the queue when nobody rings: other processes queue too, and retries fall due."""
_PAUSE = 1.0
"""Seconds to wait when the queue itself fails."""
_NOT_ASKABLE = "not-askable"
"""Reason of a source that cannot be asked by what was taken: that is no outage."""
_SLOW_RETRY = {"too-big": 3600.0, "unreadable": 60.0, "changed": 1.0, "internal-error": 10.0, _NOT_ASKABLE: 3600.0}
"""Seconds at least before a file that could not be read is tried again; a new hint comes sooner."""
_FAULT_RETRY = 86400.0
"""The same for one that could not be opened: what may change is the program that opens it."""
_POSTPONED_RETRY = 5.0
"""The same for one that takes long while others do."""


class Workers:
    """A pool of threads over one queue. One customer has three quarters of them at most, however slow its files are."""

    def __init__(self, index: UploadIndex, toolkit: Toolkit, trees: Sequence[Tree], count: int) -> None:
        self._index = index
        self._toolkit = toolkit
        self._trees = {tree.root: tree for tree in trees}
        self._ready: deque[Job] = deque()
        self._at_work_for: Counter[str] = Counter()
        self._most_for_one = max(1, count * 3 // 4)
        self._rung = threading.Condition()
        self._stopping = False
        self._source_failing = False
        self._looking = False
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}") for n in range(count)]
        self.checked = 0
        """Files settled or retried since the start; read by the progress of `scan`."""

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the files in hand; the rest waits on disk."""
        with self._rung:
            self._stopping = True
            self._rung.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def ring(self) -> None:
        """Something was queued."""
        with self._rung:
            self._rung.notify()

    def _work(self) -> None:
        """Nothing ends a worker but `stop`: when the queue itself fails (a full disk) it is told and waited out."""
        while not self._stopping:
            try:
                while (job := self._next()) is not None:
                    try:
                        self._try(job)
                    finally:
                        self._at_work_for[job.customer] -= 1
            except Exception:
                _log.exception("the queue cannot be used; tried again in %.0f s", _PAUSE)
                with self._rung:
                    self._rung.wait_for(lambda: self._stopping, _PAUSE)

    def _try(self, job: Job) -> None:
        try:
            self._do(job)
        except Exception:
            _log.exception("checking %s failed; it is tried again", job.place)
            self._index.retry(job, time.time() + delay(job.tries, 10.0))
        self.checked += 1

    def _next(self) -> Job | None:
        with self._rung:
            while not self._stopping:
                if (job := self._pick()) is not None:
                    self._rung.notify(len(self._ready))  # one for each of the rest, and one to look at the queue
                    return job
                taken = self._index.take(time.time(), _BATCH)
                self._ready.extend(taken)
                if not taken:
                    self._rest()
        return None

    def _pick(self) -> Job | None:
        """The next of a customer that does not have its share of the threads already."""
        for number, job in enumerate(self._ready):
            if self._at_work_for[job.customer] < self._most_for_one:
                del self._ready[number]
                self._at_work_for[job.customer] += 1
                return job
        return None

    def _rest(self) -> None:
        """Until somebody rings. One of those who rest looks at the queue now and then, for all of them."""
        if self._looking:
            self._rung.wait()
            return
        self._looking = True
        try:
            self._rung.wait(_POLL)
        finally:
            self._looking = False

    def _do(self, job: Job) -> None:
        try:
            if not self._covers(job.place):
                self._index.forget(job)
                return
            if wait := _unsettled_for(job, time.time()):
                self._index.postpone(job, time.time() + wait)
                return
            with ExitStack() as stack:
                checked = self._examine(job, stack)
                self._index.record(job, (checked.state, checked.content), checked.verdict, time.time())
                self._settle(job, checked)
        except NotAnUploadError:
            self._index.forget(job)

    def _examine(self, job: Job, stack: ExitStack) -> Checked:
        """A fault of ours or of a plug-in is a verdict, too: unchecked, and counted as that."""
        try:
            return stack.enter_context(self._toolkit.examine(job.place, job.remembered))
        except NotAnUploadError:
            raise
        except Exception as error:
            _log.exception("checking %s failed; it is tried again", job.place)
            return Checked(Verdict(VerdictKind.UNCHECKED, reason="internal-error", detail=type(error).__name__))

    def _covers(self, place: Place) -> bool:
        """A file may have become private since it was queued: when it was made, a mailbox did not look like one."""
        tree = self._trees.get(place.tree)
        return tree is not None and tree.covers(place)

    def _settle(self, job: Job, checked: Checked) -> None:
        if checked.verdict.kind is VerdictKind.UNCHECKED:
            self._retry(job, checked)
            return
        try:
            acted = self._toolkit.act(job.customer, job.place, checked)
        except AuditError as error:
            _log.critical("nothing is acted on: %s; %s", error, error.hint)
            self._index.retry(job, time.time() + delay(job.tries, 5.0))
            return
        if acted.verdict is not checked.verdict:
            checked = replace(checked, verdict=acted.verdict)
            self._index.record(job, (checked.state, checked.content), checked.verdict, time.time())
        self._report(job, acted.case)
        if acted.case is not None and acted.case.state is CaseState.GONE:
            self._index.retry(job, time.time() + _SLOW_RETRY["changed"])
        elif checked.verdict.reason:  # a source still owes its answer
            self._retry(job, checked)
        else:
            self._index.settle(job)
            if checked.picture:
                self._source_answers()

    def _retry(self, job: Job, checked: Checked) -> None:
        verdict = checked.verdict
        fault = checked.content.fault if checked.content else None
        faulty = fault is not None and verdict.reason in {fault.reason, _NOT_ASKABLE}
        least = _fault_retry(fault.reason) if fault and faulty else _SLOW_RETRY.get(verdict.reason)
        wait = delay(job.tries, verdict.retry_after or least)
        if checked.content is not None and not faulty and verdict.reason != _NOT_ASKABLE:
            self._source_failing = True
        if job.tries == 0:
            _log.warning(
                "unchecked: %s (%s: %s); tried again in %.0f s", job.place, verdict.reason, verdict.detail, wait
            )
        self._index.retry(job, time.time() + wait)

    def _source_answers(self) -> None:
        """The first answer after failures: what waits for its retry is due now."""
        if self._source_failing:
            self._source_failing = False
            woken = self._index.wake(time.time())
            if woken:
                _log.info("the hash sources answer again: %d waiting files are checked now", woken)
                with self._rung:
                    self._rung.notify_all()

    @staticmethod
    def _report(job: Job, case: Case | None) -> None:
        if case is not None:
            level = logging.ERROR if case.state is CaseState.FAILED else logging.WARNING
            _log.log(
                level,
                "case %s: %s of customer %s is %s: %s (%s)",
                case.id,
                job.place,
                job.customer,
                case.verdict,
                case.state,
                case.reason,
            )


def _fault_retry(reason: str) -> float:
    return _POSTPONED_RETRY if reason == POSTPONED else _FAULT_RETRY


def _unsettled_for(job: Job, now: float) -> float:
    """Seconds to wait still until the file has been unchanged for long enough; 0 after a minute in any case."""
    if not job.quiet or now - job.since >= LONGEST_UNSETTLED:
        return 0.0
    try:
        with open_upload(job.place) as opened:
            changed = max(opened.state.mtime_ns, opened.state.ctime_ns) / 1e9
    except UncheckedError:
        return 0.0  # the examination will say so
    return min(job.quiet, max(0.0, changed + job.quiet - now))
