import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError
from goodhoster_agent.doors.usage_figures import ClientWeek, Figures, RequestOutcome, read_figures


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 4, 23, 59, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "figures.sqlite"


@pytest.fixture
def figures(file: Path, now: Now) -> Iterator[Figures]:
    figures = Figures(file, now)
    yield figures
    figures.close()


def test_each_client_and_each_iso_week_by_itself(figures: Figures, file: Path, now: Now) -> None:
    for client, outcome in (("one", "no"), ("one", "no"), ("one", "match"), ("two", "unchecked")):
        figures.count(client, RequestOutcome(outcome))
    now.time = datetime(2026, 1, 5, tzinfo=UTC)
    figures.count("one", RequestOutcome.NO)
    figures.flush()
    assert read_figures(file) == (
        ClientWeek("2026-W01", "one", checks=3, matches=1, unchecked=0),
        ClientWeek("2026-W01", "two", checks=0, matches=0, unchecked=1),
        ClientWeek("2026-W02", "one", checks=1, matches=0, unchecked=0),
    )


def test_figures_add_up_over_flushes_and_restarts(figures: Figures, file: Path, now: Now) -> None:
    for _ in range(3):
        figures.count("one", RequestOutcome.MATCH)
        figures.flush()
    again = Figures(file, now)
    again.count("one", RequestOutcome.NO)
    again.close()
    assert read_figures(file) == (ClientWeek("2026-W01", "one", checks=4, matches=3, unchecked=0),)


def test_what_cannot_be_written_now_is_written_later(
    figures: Figures, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    figures.count("one", RequestOutcome.NO)
    other = sqlite3.connect(file)
    other.execute("ALTER TABLE figures RENAME TO gone")
    figures.flush()
    assert "cannot be written now" in caplog.text
    other.execute("ALTER TABLE gone RENAME TO figures")
    other.close()
    figures.count("one", RequestOutcome.NO)
    figures.flush()
    assert read_figures(file)[0].checks == 2


def test_threads_lose_nothing(figures: Figures, file: Path) -> None:
    def work() -> None:
        for _ in range(1000):
            figures.count("one", RequestOutcome.NO)
            figures.flush()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_figures(file)[0].checks == 4000


def test_nothing_was_ever_counted(tmp_path: Path) -> None:
    assert read_figures(tmp_path / "figures.sqlite") == ()


def test_a_file_that_cannot_be_used(tmp_path: Path, now: Now) -> None:
    with pytest.raises(ConfigurationError, match="cannot be kept"):
        Figures(tmp_path / "missing" / "figures.sqlite", now)
