"""The threads that take uploads from the queue, have them handled and record the outcome."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from goodhoster.errors import IndexUnavailableError, NotAnUploadError, UncheckedError
from goodhoster.examination import Examined
from goodhoster.linux.file_system_calls import FileSystemCalls, NotAnsweringError
from goodhoster.linux.leases import LEASES, break_time, ignore_lease
from goodhoster.linux.thread_crew import CrewSize, ThreadCrew
from goodhoster.model.cases import CaseState
from goodhoster.model.uploads import LEASED, Place, display
from goodhoster.toolkit import Toolkit
from goodhoster.upload_handling import QueueAction, UploadOutcome
from goodhoster.uploads.check_scheduling import delay
from goodhoster.uploads.index import Arrival, Job, Priority, UploadIndex
from goodhoster.uploads.opening import open_upload
from goodhoster.uploads.trees import Tree

_log = logging.getLogger(__name__)
_BATCH = 64
_POLL_SECONDS = 0.25
"""Seconds between looks at the queue when nobody rings: other processes queue too, and retries fall due."""
_PAUSE_SECONDS = 1.0
"""Seconds to wait when the queue itself fails."""
_SLOW_FILE_SECONDS = 1.0
"""Seconds that a file may take before another thread takes the place of the one that has it."""
_MOST_HELD_UP = 60
_SLOW_SHARE = 3
"""Threads of a customer with slow files: two are held up by them, and one goes on with what else there is."""
_SLOW_FOR = 60.0
"""Seconds since the last file that took long."""
_UNTIL_IT_ANSWERS = 30.0
_LONGEST_END = 20.0
_NEVER_BROKEN = "the kernel is set up never to do that (sysctl fs.lease-break-time is 0): set it to 45"
_AFTER_FAULT = 10.0
"""Seconds at least before a file is tried again at which a fault of ours or of a plug-in came to light."""


class UploadWorkers:
    """A pool of threads over one queue.

    One customer has three quarters of them at most, however slow its files are; and whoever is held up by a file is
    replaced meanwhile, so that many such customers hold up nobody else.
    """

    def __init__(self, index: UploadIndex, toolkit: Toolkit, trees: Sequence[Tree], count: int) -> None:
        self._index = index
        self._handle = toolkit.upload_handling.handle
        self._trees = {tree.root: tree for tree in trees}
        self._ready: deque[Job] = deque()
        self._at_work_for: Counter[str] = Counter()
        self._customers: dict[int, str] = {}
        """Whose file each thread has."""
        self._slow_until: dict[str, float] = {}
        self._most_for_one = max(1, count * 3 // 4)
        self._wakeup = threading.Condition()
        self._stopping = False
        self._source_failing = False
        self._looking = False
        self.calls = FileSystemCalls()
        """Of this process to file systems."""
        self._crew = ThreadCrew("worker", CrewSize(count, count + _MOST_HELD_UP, _SLOW_FILE_SECONDS), self._work)
        self.link_found: Callable[[Place], None] = lambda _: None
        """Called by a worker for a symbolic link that came."""
        self.checked = 0
        """Files settled or retried since the start; read by the progress of `scan`."""

    def start(self) -> None:
        """Start."""
        LEASES.try_again = self._check_soon
        self._crew.start()

    def stop(self) -> None:
        """Stop after the files in hand; the rest waits on disk."""
        LEASES.try_again = ignore_lease
        with self._wakeup:
            self._stopping = True
            self._wakeup.notify_all()
        self._crew.stop(_LONGEST_END)

    def note_slow(self) -> None:
        """Limit the customer of a file that takes long to open to a few at a time, for a while.

        Called by a thread of this pool. Else the files of a customer who uploads hundreds such would take every
        process that opens files, one after the other.
        """
        if (customer := self._customers.get(threading.get_ident())) is not None:
            self._slow_until[customer] = time.monotonic() + _SLOW_FOR

    def problems(self) -> list[str]:
        """Files that wait for a lease of their owner to be broken, for `status`."""
        if not (waiting := LEASES.waiting()):
            return []
        since = datetime.fromtimestamp(waiting[0].since, UTC).astimezone().isoformat(" ", "seconds")
        ends = f"the kernel breaks them within {seconds} s" if (seconds := break_time()) else _NEVER_BROKEN
        first = f"{display(waiting[0].path)} of user {waiting[0].owner} since {since}"
        return [
            f"{len(waiting)} files are unchecked while a write lease of their owner is being broken ({first}): {ends}"
        ]

    def notify(self) -> None:
        """Notify the workers that something was queued."""
        with self._wakeup:
            self._wakeup.notify()

    def _work(self) -> bool:
        """Handle one file.

        Nothing ends a worker but `stop`: when the queue itself fails (a full disk) it is waited out.
        """
        try:
            if (job := self._next()) is None:
                return False
            self._customers[threading.get_ident()] = job.customer
            try:
                with self._crew.at_work():
                    self._try(job)
            finally:
                del self._customers[threading.get_ident()]
                self._at_work_for[job.customer] -= 1
        except Exception:
            _log.exception("the queue cannot be used; tried again in %.0f s", _PAUSE_SECONDS)
            with self._wakeup:
                self._wakeup.wait_for(lambda: self._stopping, _PAUSE_SECONDS)
        return not self._stopping

    def _try(self, job: Job) -> None:
        try:
            if not self._answers(job.place):
                self._index.postpone(job, time.time() + _UNTIL_IT_ANSWERS)
                return
            outcome = self._handle(job, self._trees, self._record)
            self._update_row(job, outcome)
            if outcome.examined is None or outcome.examined.verdict.reason != LEASED:
                LEASES.release(job.place.absolute)
            self._report(job, outcome)
        except Exception:
            _log.exception("checking %s failed; it is tried again", job.place)
            self._index.retry(job, time.time() + delay(job.tries, _AFTER_FAULT))
        self.checked += 1

    def _check_soon(self, path: bytes) -> None:
        """Check a file soon whose lease is broken, or for which that is tried now."""
        now = time.time()
        places = [(tree, place) for tree in self._trees.values() if (place := tree.place_of(path)) is not None]
        expected = [Arrival(place, tree.customer_of(place.path), now, Priority.FRESH) for tree, place in places[:1]]
        with suppress(IndexUnavailableError):  # its row is due soon in any case
            self._index.expect(expected, now)
        self.notify()

    def _answers(self, place: Place) -> bool:
        """Whether the file system of that place opens the file, or refuses to.

        It is not asked while others wait for it.
        """
        try:
            with self.calls.asking(place.absolute), suppress(NotAnUploadError, UncheckedError), open_upload(place):
                return True
        except NotAnsweringError:
            return False
        return True

    def _next(self) -> Job | None:
        with self._wakeup:
            while not self._stopping:
                if (job := self._next_fair()) is not None:
                    self._wakeup.notify(len(self._ready))  # one for each of the rest, and one to look at the queue
                    return job
                taken = self._index.take(time.time(), _BATCH)
                self._ready.extend(taken)
                if not taken:
                    self._wait_for_work()
        return None

    def _next_fair(self) -> Job | None:
        """The next of a customer that does not have its share of the threads already."""
        for number, job in enumerate(self._ready):
            if self._at_work_for[job.customer] < self._share_of(job.customer):
                del self._ready[number]
                self._at_work_for[job.customer] += 1
                return job
        return None

    def _share_of(self, customer: str) -> int:
        """Number of threads for a customer."""
        until = self._slow_until.get(customer)
        if until is None:
            return self._most_for_one
        if until <= time.monotonic():
            del self._slow_until[customer]
        return min(_SLOW_SHARE, self._most_for_one)

    def _wait_for_work(self) -> None:
        """Wait for new work.

        One of the threads that wait looks at the queue now and then, for all of them.
        """
        if self._looking:
            self._wakeup.wait()
            return
        self._looking = True
        try:
            self._wakeup.wait(_POLL_SECONDS)
        finally:
            self._looking = False

    def _record(self, job: Job, examined: Examined) -> None:
        self._index.record(job, (examined.state, examined.content), examined.verdict, time.time())

    def _update_row(self, job: Job, outcome: UploadOutcome) -> None:
        """Record the row's outcome in the queue."""
        due = time.time() + outcome.wait
        match outcome.row:
            case QueueAction.SETTLE:
                self._index.settle(job)
            case QueueAction.RETRY:
                self._index.retry(job, due)
            case QueueAction.POSTPONE:
                self._index.postpone(job, due)
            case QueueAction.FORGET:
                self._index.forget(job)
                if os.path.islink(job.place.absolute):
                    self.link_found(job.place)
        if outcome.source_fails:
            self._source_failing = True
        elif outcome.sources_answered:
            self._retry_waiting()

    def _retry_waiting(self) -> None:
        """Make ready what waits for its retry, at the first answer after failures."""
        if self._source_failing:
            self._source_failing = False
            woken = self._index.wake(time.time())
            if woken:
                _log.info("the hash sources answer again: %d waiting files are checked now", woken)
                with self._wakeup:
                    self._wakeup.notify_all()

    @staticmethod
    def _report(job: Job, outcome: UploadOutcome) -> None:
        if (error := outcome.audit_error) is not None:
            _log.critical("no measures are taken: %s; %s", error, error.hint)
        if (unrecorded := outcome.unrecorded) is not None:
            _log.critical("not recorded yet: %s", unrecorded)
        if (case := outcome.case) is not None:
            level = logging.ERROR if case.state is CaseState.FAILED else logging.WARNING
            words = "case %s: %s of customer %s is %s: %s (%s)"
            _log.log(level, words, case.id, job.place, job.customer, case.verdict or "named", case.state, case.reason)
        if outcome.unchecked and outcome.examined and job.tries == 0:
            verdict = outcome.examined.verdict
            words = "unchecked: %s (%s: %s); tried again in %.0f s"
            _log.warning(words, job.place, verdict.reason, verdict.detail, outcome.wait)
