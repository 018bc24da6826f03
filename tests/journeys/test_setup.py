"""First steps on a host without an account anywhere, and what `status` ends with."""

import hashlib
import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.host import GOODHOSTER, Host, look_at_all, wait_until
from tests.processes import states_of_threads


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """Two customers with a file each."""
    for name in ("anna", "bram"):
        folder = tmp_path / "customers" / name / "public_html"
        folder.mkdir(parents=True)
        (folder / "picture.jpg").write_bytes(name.encode())
    return tmp_path / "customers"


def setup(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = (*GOODHOSTER, "setup", "--config", str(folder / "etc/goodhoster.toml"), *words)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def first_steps(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    trees = ("--tree", str(folder / "customers"), "--state-dir", str(folder / "state"))
    return json.loads(setup(folder, "--yes", "--json", *trees, *words, code=code).stdout)


def test_from_nothing_to_the_first_file_that_would_be_held(tmp_path: Path, customers: Path) -> None:
    (tmp_path / "own.txt").write_text(hashlib.sha256(b"anna").hexdigest() + "\n")
    before = look_at_all(customers)
    said = first_steps(tmp_path, "--list", str(tmp_path / "own.txt"))
    assert (said["written"], said["ok"], said["mode"]) == (True, True, "observe")
    assert said["lists"] == [{"source": "own", "algorithm": "sha256", "entries": 1}]
    assert said["sources"] == [{"name": "list", "answers": True, "problem": ""}]
    assert (said["trial"]["files"], said["trial"]["known"], said["trial"]["complete"]) == (2, 1, True)
    assert said["trial"]["found"][0]["path"].endswith("anna/public_html/picture.jpg")
    assert any(step.startswith("goodhoster run --config") for step in said["next"]), said["next"]
    assert look_at_all(customers) == before
    config = tmp_path / "etc/goodhoster.toml"
    assert config.stat().st_mode & 0o777 == 0o600
    text = config.read_text()
    again = json.loads(setup(tmp_path, "--yes", "--json").stdout)
    assert (again["written"], again["trial"]["known"]) == (False, 1)
    assert config.read_text() == text
    assert "exists already" in setup(tmp_path, "--yes", "--tree", str(customers), code=2).stderr
    listed = subprocess.run([*GOODHOSTER, "cases", "list", "--config", str(config)], capture_output=True, check=True)
    assert listed.stdout == b"", "the trial records nothing"


def test_the_trial_is_bounded_and_says_so(tmp_path: Path, customers: Path) -> None:
    for number in range(20):
        (customers / f"anna/{number}.jpg").write_bytes(b"%d" % number)
    (tmp_path / "own.txt").write_text(hashlib.sha256(b"no file").hexdigest() + "\n")
    said = first_steps(tmp_path, "--list", str(tmp_path / "own.txt"), "--trial-files", "5")
    assert (said["trial"]["files"], said["trial"]["complete"]) == (5, False)


def test_without_a_list_and_an_account_no_file_is_called_clear(tmp_path: Path, customers: Path) -> None:
    said = first_steps(tmp_path)
    assert customers.is_dir()
    assert said["trial"] is None
    assert "hashlist import" in said["next"][0]


def test_preview_prints_and_writes_nothing(tmp_path: Path, customers: Path) -> None:
    shown = setup(tmp_path, "--preview", "--tree", str(customers)).stdout
    assert f'path = "{customers}"' in shown
    assert 'mode = "observe"' in shown
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--tree", "/nonexistent"), "no such directory"),
        (("--list", "/nonexistent"), "no such file"),
        (("--url", "https://hash.example/v1/check"), "--username"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_written(tmp_path: Path, words: tuple[str], why: str) -> None:
    assert why in setup(tmp_path, "--yes", *words, code=2).stderr
    assert not (tmp_path / "etc").exists()


def test_without_a_terminal_nothing_is_asked(tmp_path: Path, customers: Path) -> None:
    assert "--yes" in setup(tmp_path, "--tree", str(customers), code=2).stderr
    assert not (tmp_path / "etc").exists()


def test_an_account_without_a_password_is_told_by_config_check(tmp_path: Path, customers: Path) -> None:
    assert customers.is_dir()
    said = first_steps(tmp_path, "--username", "example", code=2)
    assert said["ok"] is False
    assert "hashservice.password" in said["problems"][0]["problem"] + said["problems"][0]["hint"]


def test_a_service_that_does_not_answer_is_no_success(host: Host) -> None:
    (host.folder / "secret").touch(0o600)
    (host.folder / "secret").write_text("x")
    account = (
        "--username",
        "a",
        "--url",
        "http://127.0.0.1:1/v1/check",
        "--password-file",
        str(host.folder / "secret"),
    )
    said = first_steps(host.folder, *account, "--trial-files", "0", code=3)
    assert [source["answers"] for source in said["sources"]] == [True, False]
    assert said["sources"][1]["problem"]


def test_on_a_terminal_three_questions_are_asked(tmp_path: Path, customers: Path) -> None:
    outer, inner = pty.openpty()
    trees = ("--tree", str(customers), "--state-dir", str(tmp_path / "state"))
    command = (*GOODHOSTER, "setup", *trees, "--config", str(tmp_path / "etc/goodhoster.toml"))
    os.write(outer, b"y\n\n\n")
    done = subprocess.run(command, stdin=inner, capture_output=True, text=True, timeout=120, check=False)
    os.close(inner)
    os.close(outer)
    assert done.returncode == 0, done.stderr
    assert "touching nothing" in done.stderr
    assert 'mode = "observe"' in (tmp_path / "etc/goodhoster.toml").read_text()


def is_stopped(host: Host) -> bool:
    assert host.daemon
    return set(states_of_threads(host.daemon.pid)) == {"T"}


def test_status_ends_with_what_a_monitoring_system_asks(host: Host) -> None:
    assert "does not run" in host.run("status", code=1)
    host.start()
    assert wait_until(lambda: host.status()["ready"] and not host.status()["degraded"])
    assert wait_until(lambda: host.ended_with("status")[0] == 0), host.status()
    assert host.daemon
    os.kill(host.daemon.pid, 19)
    assert wait_until(lambda: is_stopped(host))  # else it may still write the report
    report = host.folder / "state/status.json"
    os.utime(report, (report.stat().st_atime, report.stat().st_mtime - 61))
    assert "hangs" in host.run("status", code=3)
    assert json.loads(host.run("status", "--json", code=3))["answers"] is False
    os.kill(host.daemon.pid, 18)
    assert wait_until(lambda: host.status()["answers"])
    host.stop()
    report.write_text("")
    host.run("status", code=1)
    host.run("status", "--frobnicate", code=2)
    (host.folder / "state/record.sqlite").write_bytes(b"no database" * 1000)
    host.run("status", code=3)
