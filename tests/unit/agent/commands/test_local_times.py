"""Times that `--json` has in UTC are local ones, with their zone, where people read them."""

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from goodhoster.hashlists.own_lists import ListStatus
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.digests import Algorithm
from goodhoster_agent.commands import audit, hashlist, observe, status

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


def test_the_entries_of_the_audit_log_with_their_seconds() -> None:
    entry = AuditEntry(7, datetime.fromisoformat(UTC_TIME), AuditEvent("observe.began", {}), b"")
    assert "2026-03-03 00:30:00 CET  observe.began" in audit._as_text(entry)
    assert audit._as_object(entry)["at"] == UTC_TIME


def test_when_a_list_was_imported() -> None:
    found = ListStatus("police", Algorithm.SHA1, 3, {}, datetime.fromisoformat(UTC_TIME))
    assert LOCAL in hashlist._status_text(found)
    assert hashlist._status(found)["imported_at"] == UTC_TIME


def test_since_when_a_tree_is_compared() -> None:
    one = {"tree": "/srv", "first": False, "since": UTC_TIME, "files": 1, "queued": 0, "files_per_s": 1.0}
    assert f"/srv since {LOCAL}:" in status._comparison(one | {"directories_done": None})
