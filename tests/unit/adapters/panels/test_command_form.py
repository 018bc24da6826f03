"""What docs/how-to-panels.md says of `kind = "command"` is what is read."""

import re
import sys
from pathlib import Path

import pytest

from goodhoster.adapters.panels.command import CommandPanel, Programs
from goodhoster.errors import RefusedError
from goodhoster.linux.programs import SECONDS

PAGE = (Path(__file__).parents[4] / "docs/how-to-panels.md").read_text()


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(\{{\"account.*?|#!.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_the_example_of_an_account_is_read(tmp_path: Path) -> None:
    (tmp_path / "line").write_text(example("json"))
    show = (sys.executable, "-c", "import sys; print(open(sys.argv[1]).read())", str(tmp_path / "line"))
    panel = CommandPanel("old", Programs(show, show, (), ()))
    (account,) = panel.accounts()
    assert account == panel.account("anna")
    assert (account.id, account.suspended, account.sites[0].docroot) == ("anna", False, b"/srv/anna/www")


def test_the_example_of_a_program_works(tmp_path: Path) -> None:
    (tmp_path / "state").write_text(example("sh"))
    (tmp_path / "state").chmod(0o700)
    panel = CommandPanel("old", Programs((), (str(tmp_path / "state"), "{account}"), (), ()))
    assert panel.account("nobody").suspended is False
    with pytest.raises(RefusedError):
        panel.account("there-is-no-such-user")


def test_the_time_limit_is_the_one_that_is_told() -> None:
    assert f"longer than {SECONDS:g} s" in PAGE
