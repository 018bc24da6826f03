import json
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.ports.common import utc_now
from goodhoster_agent.commands.hashservice import HashServiceSetup, make_app, run_server
from goodhoster_agent.doors.usage_figures import Figures, RequestOutcome, figures_file, read_figures


@pytest.fixture
def setup(tmp_path: Path) -> HashServiceSetup:
    return HashServiceSetup(tmp_path, ("127.0.0.1", 0), open_sources=list)


@pytest.fixture
def app(setup: HashServiceSetup) -> Typer:
    return make_app(lambda _: setup)


def run(app: Typer, *words: str) -> str:
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_clients_come_and_go(app: Typer) -> None:
    made = json.loads(run(app, "client", "add", "customer", "--json"))
    assert made["name"] == "customer"
    assert len(made["password"]) == 43
    listed = run(app, "client", "list", "--json")
    assert json.loads(listed)["name"] == "customer"
    assert made["password"] not in listed
    assert json.loads(run(app, "client", "remove", "customer", "--json")) == {"name": "customer", "removed": True}
    assert run(app, "client", "list") == ""


def test_the_password_is_printed_for_people_too(app: Typer) -> None:
    name, password = run(app, "client", "add", "customer").split()
    assert (name, len(password)) == ("customer", 43)


def test_errors_are_for_the_one_who_prints_them(app: Typer) -> None:
    result = CliRunner().invoke(app, ["client", "remove", "nobody"])
    assert isinstance(result.exception, RefusedError)


def test_figures(app: Typer, tmp_path: Path) -> None:
    assert run(app, "figures", "--json") == ""
    file = figures_file(tmp_path)
    file.parent.mkdir()
    figures = Figures(file, utc_now)
    figures.count("customer", RequestOutcome.MATCH)
    figures.close()
    shown = json.loads(run(app, "figures", "--json"))
    assert (shown["client"], shown["checks"], shown["matches"], shown["unchecked"]) == ("customer", 1, 1, 0)
    assert shown["week"] == read_figures(file)[0].week
    assert "customer" in run(app, "figures")


@pytest.mark.parametrize("listen", ["here", "127.0.0.1", "127.0.0.1:99999", ":80"])
def test_an_address_that_is_none(setup: HashServiceSetup, listen: str) -> None:
    with pytest.raises(ConfigurationError, match="--listen"):
        run_server(setup, listen, as_json=False)
