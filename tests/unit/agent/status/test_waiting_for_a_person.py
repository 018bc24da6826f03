"""Notices and appeals that wait for a person are in `status` and in the metrics, without changing its exit code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.assembly.services import Services
from goodhoster.model.customers.standing import Appeal, AppealChannel, AppealState
from goodhoster.model.notice_status import NoticeState
from goodhoster.settings import load
from goodhoster.testing.suites.notice_store import a_notice
from goodhoster_agent.commands.status import as_text, exit_code
from goodhoster_agent.status.metrics import metrics_text
from goodhoster_agent.status.objects import status_object

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    file = tmp_path / "goodhoster.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path / "state"}"\n')
    (tmp_path / "state").mkdir(mode=0o700)
    with Services(load(file)) as services:
        yield services


def add_notice(services: Services, name: str, state: NoticeState) -> None:
    notice = a_notice()
    services.notices.store.add(replace(notice, receipt=replace(notice.receipt, id=name), state=state))


def add_appeal(services: Services, name: str, state: AppealState) -> None:
    appeal = Appeal(name, "anna", "case:c1", AppealChannel.MAIL, NOW, NOW, "It is a cake.", state=state)
    services.customers.standing.store.add_appeal(appeal)


def test_what_waits_is_counted(services: Services) -> None:
    before = exit_code(status_object(services))
    add_notice(services, "N1", NoticeState.NEEDS_PERSON)
    add_notice(services, "N2", NoticeState.NEEDS_PERSON)
    add_notice(services, "N3", NoticeState.DONE)
    add_appeal(services, "A1", AppealState.OPEN)
    add_appeal(services, "A2", AppealState.UPHELD)

    status = status_object(services)

    assert (status["notices_for_a_person"], status["open_appeals"]) == (2, 1)
    lines = as_text(status).splitlines()
    assert "person     2 notices wait for a person: goodhoster notices list --state needs-person" in lines
    assert "person     1 appeals wait for a decision: goodhoster customers appeals" in lines
    assert exit_code(status) == before
    assert "goodhoster_appeals_open 1\n" in metrics_text(services)
    assert 'goodhoster_notices{state="needs-person"} 2\n' in metrics_text(services)


def test_where_nothing_waits_nothing_is_told(services: Services) -> None:
    status = status_object(services)
    assert (status["notices_for_a_person"], status["open_appeals"]) == (0, 0)
    assert "person  " not in as_text(status)
    assert not services.customers.in_use, "status makes no register"


def test_open_appeals_are_counted_by_an_index(services: Services) -> None:
    add_appeal(services, "A1", AppealState.OPEN)
    store = services.customers.standing.store
    told: list[str] = []
    db = services.customers.record._db
    db.set_trace_callback(told.append)
    assert store.count_appeals(AppealState.OPEN) == 1
    db.set_trace_callback(None)
    plans = [row[3] for each in told if each.startswith("SELECT") for row in db.execute(f"EXPLAIN QUERY PLAN {each}")]
    assert plans
    assert all("USING COVERING INDEX appeals_state (state=?)" in plan for plan in plans)
