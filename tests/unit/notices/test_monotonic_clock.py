"""The clock of deadlines against a system's clock that is set back, set forward and off for days."""

import errno
import os
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.notices.monotonic_clock import MonotonicClock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Machine:
    """The two clocks of a system: one that anybody can set, one that only goes on until the next start."""

    def __init__(self, file: Path) -> None:
        self.file, self.wall, self.up, self.boot = file, NOON, 1000.0, "first"
        self.clock = self.start()

    def start(self) -> MonotonicClock:
        boot = self.boot
        self.clock = MonotonicClock(self.file, lambda: self.wall, lambda: self.up, lambda: (boot, self.up))
        return self.clock

    def reboot(self) -> None:
        self.boot, self.up = "second", 3.0

    def wait(self, term: timedelta) -> None:
        self.wall += term
        self.up += term.total_seconds()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "clock")


def test_a_clock_that_was_ahead_for_a_moment_is_without_consequence(machine: Machine) -> None:
    machine.clock()
    machine.wall += 400 * DAY
    machine.start()
    assert machine.clock() == NOON + 400 * DAY, "a deadline is told too early, never too late"
    assert machine.clock.seen() == NOON
    assert "set 9600 h forward" in machine.clock.problem()
    machine.wall -= 400 * DAY
    machine.wait(timedelta(minutes=5))
    machine.start()
    assert machine.clock() == machine.clock.seen() == NOON + timedelta(minutes=5)
    assert machine.clock.ahead() == timedelta(0)
    assert not machine.clock.problem()


def test_the_kernel_s_count_in_hundredths_is_no_start_of_the_machine(machine: Machine) -> None:
    machine.clock()
    machine.up -= 0.009
    machine.wall += 400 * DAY
    machine.start()
    machine.clock()
    machine.wait(timedelta(hours=2))
    assert machine.clock() == NOON + 400 * DAY + timedelta(hours=2)
    assert machine.clock.seen() < NOON + DAY, "not believed after an hour, as after a start"


def test_so_it_is_for_a_process_that_goes_on(machine: Machine) -> None:
    machine.clock()
    machine.wall += 400 * DAY
    machine.clock()
    machine.wait(23 * HOUR)
    assert machine.clock() == NOON + 400 * DAY + 23 * HOUR
    machine.wall -= 400 * DAY
    machine.wait(HOUR)
    assert machine.clock() == machine.clock.seen() == NOON + DAY


def test_set_forward_and_so_for_a_day_it_is_believed(machine: Machine) -> None:
    machine.clock()
    machine.wall += 2 * DAY
    machine.start().seen()
    machine.wait(23 * HOUR)
    assert machine.start().seen() == NOON + 23 * HOUR
    machine.wait(2 * HOUR)
    assert machine.start().seen() == machine.clock() == NOON + 3 * DAY + HOUR
    assert not machine.clock.problem()


def test_two_moments_with_a_wrong_clock_and_a_right_one_between_them_are_not_believed(machine: Machine) -> None:
    machine.clock()
    for _ in range(3):
        machine.wall += 400 * DAY
        machine.start()()
        machine.wall -= 400 * DAY
        machine.wait(12 * HOUR)
        machine.start()()
        machine.wait(13 * HOUR)
    assert machine.start()() == NOON + 75 * HOUR


def test_after_a_start_of_the_machine_it_is_believed_after_an_hour(machine: Machine) -> None:
    machine.clock()
    machine.reboot()
    machine.wall += 30 * DAY
    assert machine.start().seen() == NOON
    assert machine.clock() == NOON + 30 * DAY
    assert not machine.clock.problem(), "it was off: nothing speaks against the clock"
    machine.wait(HOUR)
    assert machine.start().seen() == NOON + 30 * DAY + HOUR


def test_a_clock_wrong_at_the_start_of_the_machine_and_corrected_is_not_believed(machine: Machine) -> None:
    machine.clock()
    machine.reboot()
    machine.wall += 400 * DAY
    machine.start()()
    machine.wall -= 400 * DAY
    machine.wait(timedelta(minutes=10))
    machine.start()
    assert machine.clock() == NOON + timedelta(minutes=10)


def test_set_back_between_two_processes_what_passed_counts(machine: Machine) -> None:
    machine.clock()
    machine.wait(5 * HOUR)
    machine.wall -= 3 * DAY
    machine.start()
    assert machine.clock() == machine.clock.seen() == NOON + 5 * HOUR
    assert machine.clock.ahead() == 3 * DAY
    assert "72 h ahead of the system's clock" in machine.clock.problem()
    assert str(machine.file) in machine.clock.problem()


def test_a_process_that_cannot_see_the_kernels_count_goes_on(machine: Machine) -> None:
    def hidden() -> tuple[str, float]:
        raise FileNotFoundError

    machine.clock()
    machine.wait(HOUR)
    clock = MonotonicClock(machine.file, lambda: machine.wall, lambda: machine.up, hidden)
    assert clock() == NOON + HOUR


def test_a_library_that_shows_another_time_to_one_process_changes_nothing(tmp_path: Path) -> None:
    """Such as `faketime`: it moves the monotonic clocks of a process along with the wall clock."""
    file, now = tmp_path / "clock", datetime.now(UTC)
    MonotonicClock(file, lambda: datetime.now(UTC))()
    by = timedelta(days=395)
    count = lambda: time.clock_gettime(time.CLOCK_BOOTTIME) + by.total_seconds()  # noqa: E731
    MonotonicClock(file, lambda: datetime.now(UTC) + by, count)()
    right = MonotonicClock(file, lambda: datetime.now(UTC))
    assert now <= right() < now + HOUR
    assert not right.problem()


def test_it_is_the_systems_clock_while_that_goes_on(machine: Machine) -> None:
    assert machine.clock() == NOON
    machine.wait(HOUR)
    assert machine.clock() == NOON + HOUR


def test_set_back_a_day_it_goes_on_by_elapsed_time(machine: Machine) -> None:
    machine.clock()
    machine.wall -= DAY
    machine.wait(HOUR)
    assert machine.clock() == NOON + HOUR
    machine.wait(2 * DAY)
    assert machine.clock() == NOON + 2 * DAY + HOUR


def test_set_back_it_says_so_once_and_when_it_is_right_again(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.clock()
    machine.wall -= DAY
    for _ in range(5):
        machine.wait(HOUR)
        machine.clock()
    machine.wall += DAY
    machine.clock()
    machine.clock()
    assert [("behind" in line, "right again" in line) for line in caplog.messages] == [(True, False), (False, True)]


def test_set_back_while_it_was_off_it_does_not_go_back(machine: Machine) -> None:
    machine.clock()
    machine.wall -= DAY
    machine.reboot()
    clock = machine.start()
    assert clock() == NOON
    machine.wait(HOUR)
    assert clock() == NOON + HOUR


def test_two_days_off_have_passed(machine: Machine) -> None:
    machine.clock()
    machine.wall += 2 * DAY
    machine.reboot()
    assert machine.start()() == NOON + 2 * DAY


def test_processes_write_the_file_at_once(machine: Machine) -> None:
    other = MonotonicClock(machine.file, lambda: machine.wall, lambda: machine.up, lambda: (machine.boot, machine.up))
    other()
    machine.file.with_suffix(".new").mkdir()  # what another process has under way is not touched
    machine.wait(HOUR)
    machine.clock()
    other()
    assert datetime.fromisoformat(machine.file.read_text().split()[0]) == NOON + HOUR


@pytest.mark.parametrize("content", ["", "2026-03-02T1", "\0" * 40])
def test_a_file_cut_off_by_a_power_cut_leaves_the_systems_clock(machine: Machine, content: str) -> None:
    machine.file.write_text(content)
    assert machine.start()() == NOON


def test_a_file_that_somebody_mended_needs_no_zone(machine: Machine) -> None:
    machine.file.write_text(f"{NOON + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}\n")
    assert machine.start()() == NOON + timedelta(hours=1)


def test_a_full_disk_stops_no_clock_and_leaves_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`status` ended with "the disk is full" and an empty `clock.<pid>` stayed."""
    draft = machine.file.with_suffix(f".{os.getpid()}")

    def full(path: Path, *_: object, **__: object) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        for _ in range(3):
            assert machine.clock() == machine.wall
            machine.wait(HOUR)
    assert not draft.exists()
    assert len(caplog.messages) == 1
    machine.clock()
    assert datetime.fromisoformat(machine.file.read_text().split()[0]) == NOON + 3 * HOUR


def test_what_a_killed_process_left_is_removed_and_nothing_else(machine: Machine) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, alive, other = (machine.file.parent / f"clock.{name}" for name in (gone.pid, os.getppid(), "old"))
    fresh = machine.file.parent / f"clock.{gone.pid + (1 << 23)}"
    for file in (left, alive, other, fresh):
        file.touch()
    for file in (left, alive, other):
        os.utime(file, (0, 0))
    machine.clock()
    assert sorted(file.name for file in machine.file.parent.iterdir()) == sorted(
        ["clock", alive.name, other.name, fresh.name]
    )
