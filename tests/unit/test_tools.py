"""The checks of the documentation find what they are there for."""

import shutil
import subprocess
from pathlib import Path

import pytest
from commandline import problem, program
from manpage import man_page


@pytest.mark.parametrize(
    "line",
    [
        "goodhoster cases list --json",
        "goodhoster cases restore 20260101-abcdefg --reason 'a wallpaper'",
        "goodhoster --version",
        "goodhoster check --help",
        "goodhoster config sample > /etc/goodhoster/goodhoster.toml",
        "goodhoster audit show --json | tail -n 1  # the newest",
        "goodhoster scan /srv/customers/alice --dry-run",
    ],
)
def test_what_the_program_takes_is_no_fault(line: str) -> None:
    assert problem(line) == ""


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("goodhoster cases restoer X", "`goodhoster cases` has no command restoer"),
        ("goodhoster frobnicate", "`goodhoster` has no command frobnicate"),
        ("goodhoster cases list --jason", "`goodhoster cases list` has no option --jason"),
        ("goodhoster cases --json list", "`goodhoster cases` has no option --json"),
        ("goodhoster check 'unclosed", "No closing quotation"),
    ],
)
def test_what_the_program_would_refuse_is_told(line: str, why: str) -> None:
    assert problem(line) == why


def test_the_man_page_has_every_command_and_option() -> None:
    page = man_page().replace("\\-", "-")
    for command in program().leaves():
        assert f"\\fB{' '.join(command.words)}\\fR" in page
        for parameter in command.parameters:
            assert all(f"\\fB{flag}\\fR" in page for flag in parameter.flags)


@pytest.mark.debian("man-db", program="man")
def test_man_shows_the_page_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "goodhoster.1").write_text(man_page())
    man = shutil.which("man") or "man"
    shown = subprocess.run(
        [man, "--local-file", "--warnings=w", "--encoding=UTF-8", tmp_path / "goodhoster.1"],
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    assert "EXIT STATUS" in shown.stdout
