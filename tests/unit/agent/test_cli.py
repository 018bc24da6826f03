"""What the process `goodhoster` ends with."""

import re

import pytest
from typer.testing import CliRunner

from goodhoster_agent import cli
from goodhoster_agent.cli import app


def test_a_fault_of_ours_is_no_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 would say "known", or "not whole"."""
    monkeypatch.setattr(cli, "app", lambda **_: [].pop())
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 3
    assert "IndexError: pop from empty list" in capsys.readouterr().err


def test_help_shows_every_line_whole_and_no_type_of_python() -> None:
    """A list that cuts its lines, and `--customer <str>`, tell nothing."""
    for words in ((), ("storms",), ("cases", "restore"), ("customers", "measures")):
        done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"})
        assert done.exit_code == 0
        assert "..." not in done.output.partition("\n")[2]
        assert not re.search(r"<(?:str|int|path|float)\b", done.output)
    assert "--customer CUSTOMER" in CliRunner().invoke(app, ["storms", "list", "--help"]).output
