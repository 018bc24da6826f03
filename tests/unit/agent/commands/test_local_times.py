"""Times that `--json` has in UTC are local ones, with their zone, where people read them."""

import time
from collections.abc import Iterator

import pytest

from goodhoster_agent.commands import observe, status

UTC_TIME = "2026-03-02T23:30:00.123456+00:00"
LOCAL = "2026-03-03 00:30 CET"


@pytest.fixture(autouse=True)
def _amsterdam(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_last_answer_of_a_source() -> None:
    source = {"name": "police", "shadow": False, "checks": 1, "remembered": 0, "matches": 0, "last_contact": UTC_TIME}
    assert status._source(source).endswith(f"last answer {LOCAL}")
    assert status._source(source | {"last_contact": None}).endswith("last answer never")


def test_since_when_measures_are_stopped() -> None:
    stopped = {"stopped_since": UTC_TIME, "stopped_by": "root", "mode": "observe", "running": None}
    assert f"since {LOCAL}" in status._stopped(stopped)
    told = observe._as_text(stopped | {"actor": "root", "reason": "a storm", "configured": "enforce"})
    assert f"since {LOCAL} by root" in told


def test_the_counts_of_doors_and_the_round_of_the_crawler() -> None:
    assert f"since {LOCAL}" in status._attempts({"since": UTC_TIME, "clear": 2})
    crawl = {"began_at": UTC_TIME, "ended_at": None, "urls": 1, "pages": 2, "found": 0, "unchecked": 0}
    assert f"under way since {LOCAL}" in status._crawl(crawl)
    assert f"ended {LOCAL}" in status._crawl(crawl | {"ended_at": UTC_TIME})
