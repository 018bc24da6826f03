"""The daemon verifies the audit log every day: what is new, and all of it once a week."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.pagers.memory import MemoryPager
from goodhoster.assembly.audit import last_verification, note_verification, verify_audit_log, verify_what_is_new
from goodhoster.assembly.services import Services
from goodhoster.model.audit import AuditEvent
from goodhoster.settings import load
from goodhoster_agent.background.log_verification import LogVerificationTask


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    (tmp_path / "customers").mkdir()
    file = tmp_path / "goodhoster.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n[[watch]]\npath = "{tmp_path}/customers"\n')
    with Services(load(file)) as services:
        services.audit.append_all([AuditEvent("made.up", {"number": number}) for number in range(5)])
        yield services


def go(services: Services) -> None:
    note_verification(services.settings, verify_what_is_new(services.settings, lambda: None))


def log_of(services: Services) -> Path:
    return services.state_dir / "audit.log"


def age(services: Services, **by: float) -> None:
    """Let the last verification of the whole log be so long ago."""
    file = services.state_dir / "audit.verified"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {"whole_at": (datetime.now(UTC) - timedelta(**by)).isoformat()}))


def forge(services: Services) -> None:
    file = log_of(services)
    file.write_bytes(file.read_bytes().replace(b'"number":2', b'"number":7'))


def test_the_first_reads_all_and_the_next_what_is_new(services: Services) -> None:
    assert verify_what_is_new(services.settings, lambda: None).whole
    go(services)
    services.audit.append(AuditEvent("made.up", {}))
    check = verify_what_is_new(services.settings, lambda: None)
    assert (check.whole, check.finding) == (False, verify_audit_log(services.settings).finding)
    first = last_verification(services.settings)
    go(services)
    last = last_verification(services.settings)
    assert first
    assert last
    assert (last.entries, last.whole_at) == (first.entries + 1, first.whole_at)


@pytest.mark.parametrize("days", [7.01, -1])
def test_all_is_read_after_a_week_and_when_the_clock_was_set_back(services: Services, days: float) -> None:
    go(services)
    forge(services)
    assert verify_what_is_new(services.settings, lambda: None).finding.ok
    age(services, days=days)
    assert not verify_what_is_new(services.settings, lambda: None).finding.ok


def test_after_one_that_failed_all_is_read(services: Services) -> None:
    go(services)
    age(services, days=8)
    forge(services)
    go(services)
    last = last_verification(services.settings)
    assert last
    assert (last.ok, last.part, last.whole_at) == (False, None, None)
    assert verify_what_is_new(services.settings, lambda: None).whole


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"at": 1}', "entries", "size", "last", "peaks", "fingerprint", "whole_at"], ids=str
)
def test_a_damaged_memory_of_the_last_one_means_that_all_is_read(services: Services, damage: str) -> None:
    go(services)
    file = services.state_dir / "audit.verified"
    kept = json.loads(file.read_text())
    if damage == "whole_at":
        kept["whole_at"] = "yesterday"
    elif damage in kept["part"]:
        kept["part"][damage] = [] if damage == "peaks" else -1
    file.write_text(json.dumps(kept) if damage.isidentifier() else damage)
    assert verify_what_is_new(services.settings, lambda: None).whole


def test_a_log_that_is_not_whole_is_an_alarm_once_a_day(services: Services) -> None:
    pager = MemoryPager()
    vars(services)["pager"] = pager
    task = LogVerificationTask(services)
    assert task._run_once() == 120
    assert task._run_once() == 24 * 3600
    assert task.alarms() == []
    assert pager.pages == []
    whole = log_of(services).read_bytes()
    log_of(services).write_bytes(b"")
    assert task._run_once() == 3600
    assert task.alarms() == ["ALARM: the audit log is not whole from entry 5 on: goodhoster audit verify"]
    (page,) = pager.pages
    assert "verified before" in str(page)
    log_of(services).write_bytes(whole)
    assert task._run_once() == 24 * 3600
    assert task.alarms() == []


def test_nobody_paged_means_that_it_is_tried_again_in_an_hour(services: Services) -> None:
    pager = MemoryPager()
    pager.down = True
    vars(services)["pager"] = pager
    task = LogVerificationTask(services)
    task._run_once()
    log_of(services).write_bytes(b"made up\n")
    assert task._run_once() == 3600
    assert task.alarms()
    pager.down = False
    assert task._run_once() == 3600
    assert len(pager.pages) == 1


def test_who_restarts_often_does_not_verify_as_often(services: Services) -> None:
    go(services)
    assert 23 * 3600 < LogVerificationTask(services)._run_once() <= 24 * 3600


def test_what_could_not_be_compared_stands_in_status(services: Services) -> None:
    (services.state_dir / "audit.checkpoint").write_text("not a checkpoint")
    task = LogVerificationTask(services)
    task._run_once()
    task._run_once()
    assert task.alarms() == []
    assert "checkpoint" in task.problems()[0]


def test_the_end_of_the_daemon_breaks_it_off(services: Services) -> None:
    services.audit.append_all([AuditEvent("made.up", {}) for _ in range(2100)])
    task = LogVerificationTask(services)
    task._run_once()
    task.task.stopping.set()
    task._run_once()
    assert last_verification(services.settings) is None
