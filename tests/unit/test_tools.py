"""The checks of the documentation find what they are there for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import check_docs
import pytest
from commandline import problem, program
from completions import SHELLS, completion
from generated import GENERATED
from manpage import man_page

from goodhoster_agent.cli import COMMANDS

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


def test_every_command_has_a_man_page_and_every_shell_its_completion() -> None:
    for name in COMMANDS:
        assert f".SH NAME\ngoodhoster\\-{name} \\- " in GENERATED[f"packaging/man/goodhoster-{name}.1"]()
    names = {name for name in GENERATED if "completions" in name}
    assert names == {f"packaging/completions/goodhoster.{shell}" for shell in SHELLS}


def test_bash_completes_commands_and_options() -> None:
    words = """source /dev/stdin; COMP_WORDS=({words}); COMP_CWORD={last}; _goodhoster_completion {program}
    printf '%s ' "${{COMPREPLY[@]}}\""""
    program = Path(sys.executable).with_name("goodhoster")
    for typed, offered in (("goodhoster stor", ["storms"]), ("goodhoster storms und", ["undo"])):
        script = words.format(words=typed, last=len(typed.split()) - 1, program=program)
        shown = subprocess.run(
            ["bash", "-c", script], input=completion("bash"), capture_output=True, text=True, check=True
        )
        assert shown.stdout.split() == offered


@pytest.mark.debian("fish")
def test_fish_completes_commands() -> None:
    folder = Path(sys.executable).parent
    script = 'source; complete --do-complete "goodhoster storms und"'
    env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    command = [shutil.which("fish") or "fish", "--no-config", "-c", script]
    shown = subprocess.run(command, input=completion("fish"), capture_output=True, text=True, check=True, env=env)
    assert [line.split("\t")[0] for line in shown.stdout.splitlines()] == ["undo"]


@pytest.mark.debian("zsh")
def test_zsh_loads_its_completion_from_a_directory_of_functions(tmp_path: Path) -> None:
    (tmp_path / "_goodhoster").write_text(completion("zsh"))
    script = f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[goodhoster]"
    command = [shutil.which("zsh") or "zsh", "-f", "-c", script]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (shown.stdout, shown.stderr) == ("_goodhoster\n", "")
    checked = subprocess.run([command[0], "-n", tmp_path / "_goodhoster"], capture_output=True, text=True, check=True)
    assert checked.stderr == ""


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


@pytest.mark.slow  # a second for each of them; `./dev check` looks at the documents themselves
@pytest.mark.parametrize(
    ("document", "planted", "told"),
    [
        ("README.md", "[x](docs/missing.md)", "no such file"),
        ("README.md", "[x](docs/glossary.md#missing)", "no such heading"),
        ("README.md", "`./dev dance`", "./dev dance: no such command"),
        ("docs/x.md", "`goodhoster dance`", "has no command dance"),
        ("docs/x.md", "```console\n$ sudo goodhoster scan --fast /srv\n```", "has no option --fast"),
        ("docs/x.md", "1. x\n   ```console\n   # goodhoster scan --fast /srv\n   ```", "has no option --fast"),
        ("README.md", "<!-- commands -->`goodhoster dance`<!-- /commands -->", "`goodhoster dance` is listed"),
        ("docs/reference-configuration.md", "more", "stale"),
        ("packaging/man/goodhoster.1", "more", "stale"),
        ("goodhoster/x.py", 'self._log("case.danced")', "does not tell what `case.danced` means"),
        ("goodhoster/x.py", 'AuditEvent("dance.begun", {})', "does not tell what `dance.begun` means"),
        ("goodhoster/x.py", 'kind = "case.danced"', "does not tell what `case.danced` means"),
        ("docs/glossary.md", "| **Case** | a box |", "docs/glossary.md: defines Case twice"),
        ("docs/glossary.md", "| **hold** (legal) | a box |", "docs/glossary.md: defines hold twice"),
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
