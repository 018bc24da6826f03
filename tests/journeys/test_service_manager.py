"""What the daemon tells the service manager (sd_notify(3)), read at the other end of its socket."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.settings import DEFAULT_FILE
from tests.journeys.host import GOODHOSTER, PATIENCE, Host

UNITS = Path(__file__).parents[2] / "packaging/systemd"


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, file: Path) -> None:
        self.address = str(file)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(PATIENCE)

    def next(self) -> str:
        """The first line of what comes next, but for signs of life."""
        while True:
            first = self._socket.recv(4096).decode().partition("\n")[0]
            if first != "WATCHDOG=1":
                return first

    def signs_of_life(self, count: int) -> float:
        """Seconds until so many have come."""
        begun = time.monotonic()
        while count:
            count -= self._socket.recv(4096) == b"WATCHDOG=1"
        return time.monotonic() - begun

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


def test_a_reload_is_no_end(host: Host, manager: Manager) -> None:
    """STOPPING at a reload made systemd wait for the end, and kill the daemon after its time."""
    host.start(NOTIFY_SOCKET=manager.address)
    assert manager.next() == "READY=1"
    for mode in ("observe", "enforce"):
        host.configure(mode=mode)
        host.reload()
        assert [manager.next(), manager.next()] == ["RELOADING=1", "READY=1"]
        assert host.status()["mode"] == mode
    host.stop()
    assert manager.next() == "STOPPING=1"


@pytest.mark.parametrize("broken", ["no toml [", 'state_dir = "elsewhere"'])
def test_a_configuration_that_cannot_be_used_ends_a_reload_as_well(host: Host, manager: Manager, broken: str) -> None:
    host.start(NOTIFY_SOCKET=manager.address)
    assert manager.next() == "READY=1"
    good = host.config.read_text()
    host.config.write_text(good.replace('state_dir = "state"', broken))
    host.reload()
    assert [manager.next(), manager.next()] == ["RELOADING=1", "READY=1"]
    assert "the configuration stays as it was" in host.journal()
    host.config.write_text(good)
    assert host.status()["ready"]


def test_a_configuration_that_cannot_be_served_gives_way_to_the_one_before(host: Host, manager: Manager) -> None:
    host.start(NOTIFY_SOCKET=manager.address)
    assert manager.next() == "READY=1"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        good = host.config.read_text()
        host.config.write_text(good + f'[notices]\nlmtp = "127.0.0.1:{taken.getsockname()[1]}"\n')
        host.reload()
        assert [manager.next(), manager.next()] == ["RELOADING=1", "READY=1"]
    assert "returning to the one before" in host.journal()
    host.config.write_text(good)
    assert host.status()["ready"]
    host.stop()


WATCHDOG = 60.0
"""Seconds after which systemd ends a daemon that gave no sign of life, as its unit says: `WatchdogSec`."""


def test_the_watchdog_is_told_that_the_daemon_lives(host: Host, manager: Manager) -> None:
    host.start(NOTIFY_SOCKET=manager.address)
    assert manager.next() == "READY=1"
    assert manager.signs_of_life(3) < WATCHDOG
    host.stop()


@pytest.mark.debian("systemd", program="systemd-analyze")
@pytest.mark.parametrize(
    ("unit", "most"),
    [
        ("goodhoster", 4.0),
        ("goodhoster-hashservice", 2.0),
        ("goodhoster-doors", 2.5),
        ("goodhoster-people", 4.0),
    ],
)
def test_a_unit_is_as_closed_as_promised(host: Host, unit: str, most: float) -> None:
    told = host.output("systemd-analyze", "security", "--offline=true", str(UNITS / f"{unit}.service"))
    found = re.search(r"exposure level for \S+: ([0-9.]+)", told)
    assert found
    assert float(found[1]) <= most


@pytest.mark.debian("systemd", program="systemd-analyze")
@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.service")))
def test_systemd_knows_every_setting_of_a_unit(tmp_path: Path, unit: str) -> None:
    """An option that this systemd does not know is ignored, and told on stderr alone: verify ends with 0."""
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", (UNITS / unit).read_text(), flags=re.MULTILINE)
    (tmp_path / unit).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert [line for line in said.stderr.splitlines() if unit in line] == []


@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.service")))
def test_without_a_configuration_a_service_is_not_started_again_and_again(unit: str) -> None:
    """What else ends it, such as a failed disk, may be over by the next try."""
    lines = (UNITS / unit).read_text().splitlines()
    assert f"AssertPathExists={DEFAULT_FILE}" in lines[: lines.index("[Service]")]
    assert "Restart=always" in lines
    assert not [line for line in lines if line.startswith("RestartPreventExitStatus")]


GIVING_UP = frozenset(
    {"capset", "prctl", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "openat2"}
)
"""What every service gives its rights up with, and opens files with."""
SANDBOXING = frozenset({"seccomp", "setresuid", "setresgid"})
"""What those need besides that start processes which open pictures."""


def groups_of_calls(host: Host) -> dict[str, set[str]]:
    """The groups of this systemd, each with what it names: calls and other groups."""
    groups: dict[str, set[str]] = {}
    name = ""
    for line in host.output("systemd-analyze", "syscall-filter", "--no-pager").splitlines():
        if line.startswith("@"):
            name = line
            groups[name] = set()
        elif line.startswith("    ") and not line.strip().startswith("#"):
            groups[name].add(line.strip())
    return groups


def expanded(names: list[str], groups: dict[str, set[str]]) -> set[str]:
    found = {name for name in names if not name.startswith("@")}
    for name in set(names) - found:
        found |= expanded(sorted(groups.get(name, set())), groups)
    return found


def permitted_calls(unit: str, groups: dict[str, set[str]]) -> set[str]:
    """As systemd.exec(5) says: the first line decides whether it lists what is permitted or what is not."""
    lines = re.findall(r"^SystemCallFilter=(~?)(.*)$", (UNITS / unit).read_text(), re.MULTILINE)
    permitted = expanded(["@known"], groups) if lines[0][0] else set()
    for refuses, names in lines:
        calls = expanded(names.split(), groups)
        permitted = permitted - calls if refuses else permitted | calls
    return permitted


@pytest.mark.debian("systemd", program="systemd-analyze")
@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.service")))
def test_a_unit_permits_the_calls_with_which_the_service_gives_its_rights_up(host: Host, unit: str) -> None:
    """Refused, the hash service ended at its start, and the processes of the doors had no sandbox."""
    needed = GIVING_UP if "hashservice" in unit else GIVING_UP | SANDBOXING
    assert needed - permitted_calls(unit, groups_of_calls(host)) == set()


WITHOUT_OPENAT2 = """
import ctypes, os, struct, sys

def step(code, value, if_so=0, if_not=0):
    return struct.pack("HBBI", code, if_so, if_not, value)

openat2, refused_with_enosys, allowed = 437, 0x00050000 | 38, 0x7FFF0000
steps = [step(0x20, 0), step(0x15, openat2, 0, 1), step(0x06, refused_with_enosys), step(0x06, allowed)]
program = ctypes.create_string_buffer(b"".join(steps))
header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(program)))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, header, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
"""What systemd does for RestrictSUIDSGID=yes, and many a container by itself."""


def test_a_daemon_that_could_open_no_file_says_why_and_does_not_start(host: Host) -> None:
    command = [sys.executable, "-c", WITHOUT_OPENAT2, *GOODHOSTER, "run", "--config", str(host.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2, done.stderr
    assert "openat2" in done.stderr
    assert "RestrictSUIDSGID" in done.stderr
    assert "ready" not in done.stdout


@pytest.mark.parametrize("unit", ["goodhoster.service", "goodhoster-doors.service", "goodhoster-people.service"])
def test_the_units_of_what_opens_files_leave_it_openat2(unit: str) -> None:
    settings = [line for line in (UNITS / unit).read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in settings if line.startswith("RestrictSUIDSGID")]
