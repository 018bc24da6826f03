"""What the process `goodhoster` ends with."""

import os
import re
import subprocess
import sys

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


def test_a_time_zone_that_is_none_is_told_and_times_are_in_utc() -> None:
    show = "from datetime import *; print(datetime(2026, 11, 30, 12, tzinfo=UTC).astimezone().isoformat())"
    code = f"import sys\nfrom goodhoster_agent import cli\ncli.app = lambda **_: exec({show!r})\ncli.main()"
    for zone, told in (("UTC+99", True), ("UTC-99", True), ("Europe/Amsterdam", False)):
        environment = {**os.environ, "TZ": zone}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert (f"TZ={zone} is not a time zone" in done.stderr) is told
        assert done.stdout.strip() == ("2026-11-30T12:00:00+00:00" if told else "2026-11-30T13:00:00+01:00")
