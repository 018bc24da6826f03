"""The page about notices says what the program does: its examples run, its tables are complete."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from goodhoster.adapters.directories.kinds import ApacheKind, ListedKind, NginxKind
from goodhoster.assembly.notices import notifiers
from goodhoster.model.notices import NoticeFormat, Outcome
from goodhoster.notices import judgement, letter, trust
from goodhoster.settings import load, read_plugged

PAGE = (Path(__file__).parents[2] / "docs/how-to-notices-formats.md").read_text()
KINDS = {"nginx": NginxKind, "apache": ApacheKind, "list": ListedKind}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda text: text.splitlines()[0])
def test_the_examples_load(tmp_path: Path, block: str) -> None:
    assert tomllib.loads(block)
    (tmp_path / "goodhoster.toml").write_text(block)
    settings = load(tmp_path / "goodhoster.toml")
    assert notifiers(settings) or [read_plugged(plugged, KINDS).build() for plugged in settings.directories]


def test_the_first_example_runs(tmp_path: Path) -> None:
    lines = re.sub(r"^\$ ", "", blocks("console")[0].replace("/tmp/try", str(tmp_path)), flags=re.MULTILINE)
    program = f'PATH="{Path(sys.executable).parent}:$PATH"\n'
    ended = subprocess.run(["sh", "-e", "-c", program + lines], capture_output=True, text=True, check=True)
    assert "url-list" in ended.stdout
    assert "anna" in ended.stdout
    assert "needs-person" in ended.stdout


def test_every_format_and_outcome_is_told() -> None:
    for word in (*NoticeFormat, *Outcome):
        assert f"| `{word}` |" in PAGE


def test_every_rule_of_trust_is_told() -> None:
    sources = "".join(Path(str(module.__file__)).read_text() for module in (judgement, letter, trust))
    rules = set(re.findall(r'"((?:mail|dkim|authserv|notifier|token)\.[a-z-]+)"', sources))
    assert len(rules) == 15 + 1
    assert rules <= set(re.findall(r"`([a-z.-]+)`", PAGE))
