"""The checks of the documentation find what they are there for."""

import shutil
import subprocess
from pathlib import Path

import check_docs
import pytest
from commandline import problem, program
from manpage import man_page

CHECKOUT = Path(__file__).parents[2]


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


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the checks of the documentation read."""
    for name in ("docs", "goodhoster", "agent", "packaging", "plugins"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("ARCHITECTURE.md", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "dev"):
        shutil.copy(CHECKOUT / name, tmp_path)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.setattr(check_docs, "CHECKOUT", tmp_path)
    return tmp_path


def test_the_documentation_is_without_fault(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (check_docs.main(), capsys.readouterr().out) == (0, ""), checkout


@pytest.mark.parametrize(
    ("document", "planted", "told"),
    [
        ("README.md", "[x](docs/missing.md)", "no such file"),
        ("README.md", "[x](docs/glossary.md#missing)", "no such heading"),
        ("README.md", "`./dev dance`", "./dev dance: no such command"),
        ("docs/x.md", "`goodhoster dance`", "has no command dance"),
        ("docs/x.md", "```console\n$ sudo goodhoster scan --fast /srv\n```", "has no option --fast"),
        ("README.md", "<!-- commands -->`goodhoster dance`<!-- /commands -->", "`goodhoster dance` is listed"),
        ("docs/reference-configuration.md", "more", "stale"),
        ("packaging/man/goodhoster.1", "more", "stale"),
        ("goodhoster/x.py", 'self._log("case.danced")', "does not tell what `case.danced` means"),
        ("goodhoster/x.py", '_log.info("%s danced", name)', "does not tell what `… danced` means"),
    ],
)
def test_a_planted_fault_is_told(
    checkout: Path, capsys: pytest.CaptureFixture[str], document: str, planted: str, told: str
) -> None:
    with (checkout / document).open("r+" if (checkout / document).exists() else "w+") as opened:
        before = opened.read()
        opened.seek(0)
        opened.write(planted + "\n" + before)
    assert check_docs.main() == 1
    assert told in capsys.readouterr().out
