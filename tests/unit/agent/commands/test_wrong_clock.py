"""A command that is run with a wrong clock has no consequence, and the clock is told with what helps."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.assembly.services import Services
from goodhoster.notices.monotonic_clock import MonotonicClock
from goodhoster.settings import Settings, load
from goodhoster_agent.doctor.checks import examine
from goodhoster_agent.status.objects import status_object

WHOLE = timedelta(days=3, minutes=20)
"""A little more than what is told in whole hours."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "goodhoster.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path / "state"}"\n')
    (tmp_path / "state").mkdir(mode=0o700)
    return load(file)


def lines(settings: Settings) -> Iterator[str]:
    with Services(settings) as services:
        yield from status_object(services)["degraded"]
    yield from (finding.detail for finding in examine(settings) if finding.what == "clock" and not finding.ok)


def test_a_right_clock_is_not_told(settings: Settings) -> None:
    assert not [line for line in lines(settings) if "clock" in line]


def test_a_clock_that_was_ahead_for_one_command_is_without_consequence(settings: Settings) -> None:
    file = settings.state_dir / "clock"
    MonotonicClock(file, lambda: datetime.now(UTC))()
    MonotonicClock(file, lambda: datetime.now(UTC) + timedelta(days=395))()

    assert not [line for line in lines(settings) if "clock" in line]
    with Services(settings) as services:
        assert services.notices.clock() < datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.parametrize(
    ("set_by", "told"),
    [(WHOLE, "72 h ahead of the system's clock"), (-WHOLE, "was set 72 h forward")],
    ids=["back", "forward"],
)
def test_a_clock_that_was_set_is_told_with_what_helps(settings: Settings, set_by: timedelta, told: str) -> None:
    MonotonicClock(settings.state_dir / "clock", lambda: datetime.now(UTC) + set_by)()

    found = [line for line in lines(settings) if told in line]

    assert len(found) == 2, "by status and by doctor"
    assert all("timedatectl" in line for line in found)
