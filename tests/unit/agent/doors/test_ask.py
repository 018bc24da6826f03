"""`goodhoster doors ask` as programs run it: exit codes, deletion, nothing heavy loaded."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.client import __main__ as command
from tests.apidoor import CLEAR, KNOWN, ApiHost, opened


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHost]:
    with opened(tmp_path_factory.mktemp("door")) as host:
        yield host


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "known").write_bytes(KNOWN)
    (tmp_path / "clear").write_bytes(CLEAR)
    (tmp_path / "link").symlink_to(tmp_path / "known")
    return tmp_path


def ask(host: ApiHost, *words: object, address: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "GOODHOSTER_API": address or host.address, "GOODHOSTER_API_TOKEN": host.secret}
    command = [sys.executable, "-m", "goodhoster_agent", "doors", "ask", "--timeout", "30", *map(str, words)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def outcome_of(host: ApiHost, asked: subprocess.CompletedProcess[str]) -> str:
    found = re.search(r"refuse (\S+)", asked.stdout)
    assert found
    (case,) = [case for case in host.cases() if case.id == found[1]]
    return re.split(", then |: ", case.measures[0].detail)[-1]  # retries within the hour are one case


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["clear"], 0),
        (["known"], 1),
        (["clear", "known", "absent"], 1),
        (["clear", "absent"], 3),
        (["--on-unchecked", "open", "absent", "clear"], 0),
        (["--on-unchecked", "closed", "absent"], 1),
        ([], 2),
        (["--frobnicate", "clear"], 2),
        (["--timeout", "0", "clear"], 2),
        (["--token-file", "absent", "clear"], 2),
    ],
)
def test_the_exit_code_is_the_answer(host: ApiHost, files: Path, words: list[str], code: int) -> None:
    named = [str(files / word) if word in {"clear", "known", "absent"} else word for word in words]
    asked = ask(host, *named)
    assert asked.returncode == code, asked


def test_a_door_that_is_away_is_unchecked(host: ApiHost, files: Path) -> None:
    assert ask(host, files / "clear", address=f"unix:{files}/nobody").returncode == 3


def test_what_is_known_is_deleted_where_that_is_wanted_and_reported_as_deleted(host: ApiHost, files: Path) -> None:
    asked = ask(host, "--delete", files / "known", files / "clear")
    assert (asked.returncode, outcome_of(host, asked)) == (1, "deleted")
    assert not (files / "known").exists()
    assert (files / "clear").read_bytes() == CLEAR


def test_what_is_not_deleted_is_reported_as_kept(host: ApiHost, files: Path) -> None:
    asked = ask(host, "--delete", files / "link")
    assert (asked.returncode, outcome_of(host, asked)) == (1, "kept")
    assert "not deleted" in asked.stderr
    assert (files / "known").exists()


def test_what_could_not_be_checked_is_never_deleted(host: ApiHost, files: Path) -> None:
    asked = ask(host, "--delete", "--on-unchecked", "closed", files / "known", address=f"unix:{files}/nobody")
    assert asked.returncode == 1
    assert (files / "known").exists()


def test_the_library_of_the_command_line_is_not_loaded(host: ApiHost, files: Path) -> None:
    script = (
        "import sys; from goodhoster_agent.entry import main; sys.argv = ['goodhoster', 'doors', 'ask', sys.argv[1]]\n"
        "try: main()\nfinally: print(*sys.modules)"
    )
    env = {**os.environ, "GOODHOSTER_API": host.address, "GOODHOSTER_API_TOKEN": host.secret}
    command = [sys.executable, "-c", script, str(files / "clear")]
    loaded = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()
    assert not {"typer", "click", "sqlite3", "asyncio", "goodhoster.settings", "goodhoster.assembly"} & set(loaded)


def test_a_fault_of_ours_does_not_say_that_a_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("made up")

    monkeypatch.setattr(command, "main", broken)
    assert command.run(["file"]) == 3
    assert "made up" in capsys.readouterr().err
