"""What is repeated does not fill the journal, and nothing that a person must know is swallowed."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from goodhoster_agent import repeated_lines
from goodhoster_agent.repeated_lines import INTERVAL, LINES_PER_INTERVAL, RepeatLimit


class Journal(logging.Handler):
    """A logger of its own with what was written to it, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.now = 100.0
        self.limit = RepeatLimit(self, lambda: self.now)
        self.addFilter(self.limit)
        self.log = logging.Logger("made.up")  # noqa: LOG001 - one that shares nothing
        self.log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def journal() -> Iterator[Journal]:
    journal = Journal()
    yield journal
    journal.now += 10 * INTERVAL
    journal.limit.write_counts()


def test_lines_of_one_template_are_written_now_and_then_and_counted(journal: Journal) -> None:
    for number in range(500):
        journal.log.warning("the connection of %s was closed", number)
    assert len(journal.lines) == LINES_PER_INTERVAL
    journal.now += INTERVAL
    journal.log.warning("the connection of %s was closed", "another")
    assert journal.lines[LINES_PER_INTERVAL:] == [
        f"repeated {500 - LINES_PER_INTERVAL} times in 60 s, at last: the connection of 499 was closed",
        "the connection of another was closed",
    ]


def test_other_templates_levels_and_loggers_count_for_themselves(journal: Journal) -> None:
    other = logging.Logger("other")  # noqa: LOG001 - the same
    other.addHandler(journal)
    for number in range(LINES_PER_INTERVAL):
        journal.log.warning("one %s", number)
        journal.log.error("one %s", number)
        journal.log.warning("two %s", number)
        other.warning("one %s", number)
    assert len(journal.lines) == 4 * LINES_PER_INTERVAL


def test_a_template_without_words_counts_by_what_it_says(journal: Journal) -> None:
    for number in range(3 * LINES_PER_INTERVAL):
        journal.log.error("%s", f"trouble {number % 3}")
        journal.log.error("%s: %5.1f", f"other {number % 3}", 1.5)
    assert len(journal.lines) == 6 * LINES_PER_INTERVAL
    journal.log.error("%s", "trouble 1")
    assert len(journal.lines) == 6 * LINES_PER_INTERVAL


@pytest.mark.parametrize(
    ("level", "template", "value"),
    [
        (logging.WARNING, "case %s: it is offline now", "c1"),
        (logging.ERROR, "case %s: the disk does not answer", "c1"),
        (logging.WARNING, "%s kept what it was told to refuse: case %s", "app c1"),
        (logging.ERROR, "storm %s is held", "s1"),
        (logging.WARNING, "ALARM: %s refuses our account", "source"),
        (logging.WARNING, "%s", "ALARM: the mover is not there"),
        (logging.CRITICAL, "cases left under way cannot be finished: %s", "x"),
    ],
)
def test_what_tells_of_a_case_or_an_alarm_is_never_swallowed(
    journal: Journal, level: int, template: str, value: str
) -> None:
    values = value.split() if template.count("%s") > 1 else [value]
    for _ in range(10 * LINES_PER_INTERVAL):
        journal.log.log(level, template, *values)
    assert len(journal.lines) == 10 * LINES_PER_INTERVAL


def test_a_flood_of_different_templates_is_bounded(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_lines, "_KINDS", 5)
    for number in range(1000):
        journal.log.error("%s", f"trouble {number}")
    assert len(journal.lines) == 5 + LINES_PER_INTERVAL
    journal.now += INTERVAL
    journal.limit.write_counts()
    assert journal.lines[-1] == f"repeated {995 - LINES_PER_INTERVAL} times in 60 s, at last: trouble 999"


def test_the_count_comes_also_where_no_line_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_lines, "INTERVAL", 1.5)
    journal = Journal()
    journal.limit._clock = time.monotonic
    for _ in range(LINES_PER_INTERVAL + 7):
        journal.log.info("again")
    until = time.monotonic() + 120
    while len(journal.lines) == LINES_PER_INTERVAL and time.monotonic() < until:
        time.sleep(0.05)
    assert journal.lines[-1].startswith("repeated 7 times")
    while journal.limit._ends_at is not None and time.monotonic() < until:
        time.sleep(0.05)
    assert journal.limit._ends_at is None  # its thread has ended


def test_threads_write_at_once(journal: Journal) -> None:
    def write() -> None:
        for _ in range(300):
            journal.log.warning("from all")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.limit.write_counts(at_once=True)
    assert journal.lines[:-1] == ["from all"] * LINES_PER_INTERVAL
    assert journal.lines[-1].startswith(f"repeated {8 * 300 - LINES_PER_INTERVAL} times")
