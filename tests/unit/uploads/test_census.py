"""What the index tells the brake."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.model.uploads import Content, FileState, Place
from goodhoster.model.verdicts import ContentKind, Verdict, VerdictKind
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.uploads.census import IndexCensus
from goodhoster.uploads.index import Arrival, Priority, UploadIndex

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOGO = made_up("logo").digests


@pytest.fixture
def index(tmp_path: Path) -> Iterator[UploadIndex]:
    index = UploadIndex(tmp_path / "index.sqlite")
    yield index
    index.close()


def check(index: UploadIndex, customer: str, at: datetime, verdict: VerdictKind = VerdictKind.CLEAR) -> None:
    place, now = Place(b"/srv", f"{customer}/logo.png".encode()), at.timestamp()
    index.expect([Arrival(place, customer, now, Priority.FRESH)], now)
    (job,) = index.take(now, 1)
    found = (FileState(1, 2, 3, 4, 5), Content(LOGO, ContentKind.IMAGE, 3))
    index.record(job, found, Verdict(verdict), now)
    index.settle(job)


def test_a_content_is_where_it_lay_a_minute_ago(index: UploadIndex) -> None:
    for customer in ("anna", "bob", "cleo"):
        check(index, customer, NOON)
    check(index, "just come", NOON + timedelta(seconds=30))
    census = IndexCensus(index.database, (NOON + timedelta(seconds=61)).timestamp)
    assert census.customers_having(LOGO.sha256, 9) == {"anna", "bob", "cleo"}
    assert len(census.customers_having(LOGO.sha256, 2)) == 2
    assert census.customers_having(made_up("other").digests.sha256, 9) == frozenset()


def test_checks_are_counted_by_the_hour_and_what_got_no_answer_is_none(index: UploadIndex) -> None:
    check(index, "anna", NOON - timedelta(hours=5))
    check(index, "bob", NOON)
    check(index, "cleo", NOON, VerdictKind.UNCHECKED)
    census = IndexCensus(index.database)
    assert census.checks_between(NOON - timedelta(hours=1), NOON) == 1
    assert census.checks_between(NOON - timedelta(days=1), NOON) == 2
