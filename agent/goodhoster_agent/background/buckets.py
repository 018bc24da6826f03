"""The tasks of one bucket: it is listed now and then, and what waits of it is checked."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from goodhoster.model.objects import place_of
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.object_handling import ObjectHandling
    from goodhoster.settings.buckets import BucketSettings
    from goodhoster.uploads.object_queue import ObjectJob

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.5
_AFTER_FAILURE = 30.0
_BATCH = 64


class BucketTask:
    """Periodic work beside the workers: whatever the store does, no file waits for it."""

    def __init__(self, services: Services, settings: BucketSettings) -> None:
        self._services = services
        self._settings = settings
        self._handling: ObjectHandling = services.buckets.handling[settings.name]
        self._unchecked = 0
        failing = f"bucket {settings.name} cannot be"
        self._listing = PeriodicTask(f"list-{settings.name}", self._list, f"{failing} listed now", _AFTER_FAILURE)
        self._checks = PeriodicTask(f"check-{settings.name}", self._check, f"{failing} checked now", _AFTER_FAILURE)
        self.tasks = (self._listing, self._checks)

    def problems(self) -> list[str]:
        """Problems, for `status`; each run tells its own beside these."""
        if not self._unchecked:
            return []
        return [f"{self._unchecked:,} objects of bucket {self._settings.name} are unchecked"]

    def _list(self) -> float:
        begun = time.monotonic()
        count = self._handling.list(self._listing.stopping.is_set)
        waiting, _ = self._handling.queue.figures(self._settings.name)
        _log.info("bucket %s: %d objects, %d wait for a check", self._settings.name, count, waiting)
        return max(1.0, self._settings.list_every - (time.monotonic() - begun))

    def _check(self) -> float:
        self._handling.follow_hints()
        jobs = self._handling.queue.take(self._settings.name, time.time(), _BATCH)
        if jobs:
            with ThreadPoolExecutor(self._settings.checks, thread_name_prefix="object") as threads:
                list(threads.map(self._try, jobs))
            _, self._unchecked = self._handling.queue.figures(self._settings.name)
        return 0.0 if len(jobs) == _BATCH else _POLL_SECONDS

    def _try(self, job: ObjectJob) -> None:
        if self._checks.stopping.is_set():
            return
        outcome = self._handling.check(job)
        if (error := outcome.audit_error) is not None:
            _log.critical("no measures are taken: %s; %s", error, error.hint)
        if (unrecorded := outcome.unrecorded) is not None:
            _log.critical("not recorded yet: %s", unrecorded)
        if (case := outcome.case) is not None:
            words = "case %s: object %s of customer %s is %s (%s)"
            _log.warning(
                words, case.id, place_of(job.bucket, job.found.key), case.upload.customer, case.state, case.reason
            )


def bucket_tasks(services: Services) -> Iterator[BucketTask]:
    """The tasks of every configured bucket."""
    for settings in services.settings.buckets:
        yield BucketTask(services, settings)
