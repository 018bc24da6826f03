"""Times at which a file is checked: soon, once it has settled, or again after a failure."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence

from goodhoster.errors import UncheckedError
from goodhoster.model.image_sizes import are_sizes, beginning
from goodhoster.model.quarantine import is_locked
from goodhoster.model.uploads import LEASED, POSTPONED, Fault, Place, Upload
from goodhoster.model.verdicts import NOT_ASKABLE, Verdict
from goodhoster.uploads.index import Arrival, Job, Priority, UploadIndex
from goodhoster.uploads.opening import open_upload
from goodhoster.uploads.queue import LONGEST_CHANGING

AFTER_CHANGE = 1.0
"""Seconds until a file is looked at again that became another one meanwhile."""
_FIRST_RETRY_SECONDS = 1.0
"""Ceiling of the wait at no try; it doubles with each."""
_LONGEST_RETRY_SECONDS = 300.0
_LONGEST_OBEYED_SECONDS = 86400.0
"""A wait that was asked for is obeyed up to this: a date far away must not leave a file unchecked for years."""
_LEAST_SECONDS_BY_REASON = {
    "too-big": 3600.0,
    "unreadable": 60.0,
    LEASED: 60.0,
    "changed": AFTER_CHANGE,
    "internal-error": 10.0,
    NOT_ASKABLE: 3600.0,
}
"""Seconds at least before a file that could not be read is tried again; a new hint comes sooner."""
_FAULTY_FILE_SECONDS = 86400.0
"""Seconds before a file that could not be opened is tried again: what may change is the program that opens it."""
_POSTPONED_SECONDS = 5.0
"""Seconds before a file is tried again that takes long while others do."""


def check_soon(index: UploadIndex, priority: Priority, uploads: Sequence[Upload]) -> None:
    """Make files wait for a check: workers look at the queue several times a second."""
    now = time.time()
    index.expect([Arrival(each.place, each.customer, now, priority) for each in uploads], now)


def check_other_sizes(index: UploadIndex, place: Place) -> None:
    """Make other sizes of the picture at that place wait, as far as the index knows them."""
    begins, now = beginning(place), time.time()
    found = index.beginning_with(begins) if begins else ()
    if sizes := [each for each in found if are_sizes(place, each[0])]:
        index.expect([Arrival(other, customer, now, Priority.FRESH) for other, customer in sizes], now)


def still_changing_for(job: Job, now: float) -> float:
    """Seconds until the file has been unchanged for long enough; 0 after a minute in any case."""
    if not job.quiet or now - job.since >= LONGEST_CHANGING:
        return 0.0
    try:
        with open_upload(job.place) as opened:
            if is_locked(os.fstat(opened.fd)):
                return 0.0  # another name of it went offline: that changed it, and nobody may open it to write
            times = (opened.state.mtime_ns / 1e9, opened.state.ctime_ns / 1e9)
    except UncheckedError:
        return 0.0  # the examination will say so
    # A time in the future says nothing of when it was written: its owner set it, or the clock was set back.
    changed = max((moment for moment in times if moment <= now), default=0.0)
    return min(job.quiet, max(0.0, changed + job.quiet - now))


def wait_after(verdict: Verdict, fault: Fault | None, tries: int) -> float:
    """Seconds until what could not be checked is tried again."""
    least = _fault_wait(fault) if fault and is_its_own(verdict, fault) else _LEAST_SECONDS_BY_REASON.get(verdict.reason)
    return delay(tries, verdict.retry_after or least)


def is_its_own(verdict: Verdict, fault: Fault | None) -> bool:
    """Whether it waits because of the file itself, and not for a source."""
    return fault is not None and verdict.reason in {fault.reason, NOT_ASKABLE}


def delay(tries: int, retry_after: float | None, chance: float | None = None) -> float:
    """Seconds until the next try, with full jitter.

    Between the wait that was asked for and a ceiling that doubles with each try up to five minutes. What failed
    together comes back apart.
    """
    ceiling = min(_LONGEST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2.0 ** min(tries, 30))
    return min(retry_after or 0.0, _LONGEST_OBEYED_SECONDS) + ceiling * (random.random() if chance is None else chance)  # noqa: S311 - no secret


def _fault_wait(fault: Fault) -> float:
    return _POSTPONED_SECONDS if fault.reason == POSTPONED else _FAULTY_FILE_SECONDS
