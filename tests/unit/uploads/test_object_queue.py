"""The queue of a bucket's objects on disk."""

from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.model.objects import StoredObject
from goodhoster.uploads.object_queue import ObjectQueue, Urgency

NOW = 1_796_000_000.0
DAY = 86400.0
A = StoredObject("a.jpg", "etag", 7, 1_796_000_000)


@pytest.mark.parametrize("urgency", list(Urgency))
@pytest.mark.parametrize("ahead", [30 * DAY, 400 * DAY])
def test_what_was_put_off_by_a_clock_that_was_ahead_is_due(tmp_path: Path, ahead: float, urgency: Urgency) -> None:
    with closing(ObjectQueue(tmp_path / "objects.sqlite")) as queue:
        queue.queue("pictures", 1, [(A, urgency)], NOW + ahead)
        (job,) = queue.take("pictures", NOW + ahead, 10)
        queue.retry(job, "unreadable", NOW + ahead + 3600)
        assert [job.found for job in queue.take("pictures", NOW, 10)] == [A]


def test_a_wait_of_a_day_is_waited_for(tmp_path: Path) -> None:
    with closing(ObjectQueue(tmp_path / "objects.sqlite")) as queue:
        queue.queue("pictures", 1, [(A, Urgency.FRESH)], NOW)
        (job,) = queue.take("pictures", NOW, 10)
        queue.retry(job, "unreadable", NOW + DAY + 300)
        assert queue.take("pictures", NOW, 10) == []
        assert [job.found for job in queue.take("pictures", NOW + DAY + 300, 10)] == [A]
