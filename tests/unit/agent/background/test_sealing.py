"""Rounds of evidence: what is destroyed never comes back, so a clock that may be wrong destroys nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.assembly.services import Services
from goodhoster.settings import load
from goodhoster_agent.background.sealing import SealingTask


class Counted(SealingTask):
    """Counts the rounds that would destroy."""

    destroyed = 0

    def _destroy(self) -> None:
        self.destroyed += 1
        super()._destroy()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    (tmp_path / "customers").mkdir()
    file = tmp_path / "goodhoster.toml"
    file.write_text(
        f'[agent]\nstate_dir = "{tmp_path}/state"\n[[watch]]\npath = "{tmp_path}/customers"\n'
        '[policy]\nmode = "enforce"\n[evidence]\ndestroy_quarantined_after = "90d"\ndestroy_without_copy = true\n'
    )
    with Services(load(file)) as services:
        yield services


def rounds_that_destroy(services: Services, last: str) -> int:
    (services.state_dir / "evidence.last").write_text(last)
    task = Counted(services)
    task._run_once()
    return task.destroyed


@pytest.mark.parametrize("last", ["", "2020-01-01T00:00:00+00:00", "2090-01-01T00:00:00+00:00", "no time"])
def test_nothing_is_destroyed_while_the_clock_may_be_wrong(
    services: Services, last: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert rounds_that_destroy(services, last) == 0
    assert "nothing is destroyed in this run" in caplog.text


def test_the_next_days_round_goes_on(services: Services) -> None:
    assert rounds_that_destroy(services, (datetime.now(UTC) - timedelta(days=1)).isoformat()) == 1
