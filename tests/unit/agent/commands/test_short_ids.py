"""`goodhoster report police` and `report xarf` take short ids, as `cases` does."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster.assembly.services import Services
from goodhoster.model.uploads import Place
from goodhoster.settings import load
from goodhoster_agent.cli import app
from tests.unit.reports.test_case_files import CASE


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = tmp_path / "goodhoster.toml"
    smtp = '[smtp]\nhost = "127.0.0.1"\nsender = "abuse@hoster.example"'
    config.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n{smtp}\n')
    with Services(load(config)) as services:
        services.case_store.add(CASE)
        other = replace(CASE.upload, place=Place(b"/srv", b"bert/b.jpg"), customer="bert")
        services.case_store.add(replace(CASE, id="20260517-abcxyzw", upload=other))
    return config


def test_a_notification_to_the_police_by_a_short_id(config: Path) -> None:
    result = CliRunner().invoke(app, ["report", "police", "abcd", "--json", "--config", str(config)])
    found = json.loads(result.stdout)
    assert found["cases"] == [CASE.id]
    assert CASE.id in found["text"]


def test_what_is_short_for_two_is_refused(config: Path) -> None:
    result = CliRunner().invoke(app, ["report", "police", "abc", "--config", str(config)])
    assert result.exit_code != 0
    assert "is short for 2 cases" in str(result.exception)


def test_our_own_detection_by_a_short_id(config: Path) -> None:
    arguments = ["report", "xarf", "abcd", "--url", "https://anna.example/a.jpg", "--config", str(config)]
    result = CliRunner().invoke(app, arguments)
    assert json.loads(result.stdout)["content_removed"] is True
