"""Uploads of a tree whose customers the register knows."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster_agent.cli import app
from goodhoster_agent.commands.options import open_services


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "srv").mkdir()
    file = tmp_path / "goodhoster.toml"
    file.write_text('[agent]\nstate_dir = "state"\n[[watch]]\npath = "srv"\ncustomer = "register"\n')
    return file


def customers(config: Path, *paths: bytes) -> list[str]:
    with open_services(config) as services:
        return [services.trees[0].customer_of(path) for path in paths]


def test_the_register_tells_whose_an_upload_is(config: Path) -> None:
    asked = (b"vhosts/anna.example/a.jpg", b"vhosts/anna.example/deep/b.jpg", b"vhosts/shared/a.jpg", b"bob/a.jpg")
    assert customers(config, *asked) == ["vhosts", "vhosts", "vhosts", "bob"]
    assert not (config.parent / "state/customers.sqlite").exists()  # asking makes none

    sites = [("anna", "anna.example", "anna.example"), ("anna", "x.example", "shared"), ("eve", "y.example", "shared")]
    listed = config.parent / "list.json"
    root = config.parent / "srv/vhosts"
    entries = [
        {"customer_id": who, "sites": [{"host": host, "docroot": str(root / docroot)}]} for who, host, docroot in sites
    ]
    listed.write_text(json.dumps(entries))
    result = CliRunner().invoke(app, ["customers", "import", str(listed), "--config", str(config)])
    assert result.exit_code == 0, result.output
    assert customers(config, *asked) == ["anna", "anna", "vhosts", "bob"]

    # A register that cannot be read stops no upload.
    (config.parent / "state/customers.sqlite").write_bytes(b"no database" * 1000)
    assert customers(config, *asked) == ["vhosts", "vhosts", "vhosts", "bob"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), ["anna", "bob", "eve"]),
        (("--since", "2020-05-01"), ["bob"]),
        (("--since", "2019-01-01", "--until", "2020-05-01"), ["anna"]),
        (("--until", "2030-01-01", "--limit", "1"), ["anna"]),
        (("--host", "bob.example", "--until", "2020-01-01"), []),
        (("--host", "bob.example", "--limit", "1"), ["bob"]),
    ],
)
def test_customers_are_listed_by_when_they_came(config: Path, options: tuple[str, ...], found: list[str]) -> None:
    listed = config.parent / "list.csv"
    listed.write_text("customer_id,since,domain\nanna,2019-03-01,\nbob,2020-05-01,bob.example\neve,,\n")
    command = ["--config", str(config)]
    assert CliRunner().invoke(app, ["customers", "import", str(listed), *command]).exit_code == 0
    result = CliRunner().invoke(app, ["customers", "list", "--json", *options, *command])
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == found
