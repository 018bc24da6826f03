"""What people who saw the program for the first time stumbled over."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.storms import SqliteStormStore
from goodhoster.errors import ConfigurationError
from goodhoster.model.storms import Cause, StormKind, StormState
from goodhoster.settings import load, pages
from goodhoster.testing.suites.case_store import a_case
from goodhoster.testing.suites.storm_store import NOON, storm
from goodhoster_agent.cli import app
from goodhoster_agent.doctor.checks import examine
from goodhoster_agent.setup.next_steps import next_steps

CONFIG = """
[agent]
state_dir = "state"
[[watch]]
path = "srv"
[[hash_source]]
kind = "list"
[[hash_source]]
kind = "hashcheckservice"
url = "https://hash.example/v1/check"
username = "example"
password_file = "hashservice.password"
percent = 50
[notices]
own_networks = ["192.0.2.0/24"]
[block]
server = "nginx"
include = "/etc/nginx/blocked.conf"
test = ["nginx", "-t"]
reload = ["nginx", "-s", "reload"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "srv/anna").mkdir(parents=True)
    (tmp_path / "hashservice.password").touch(0o600)
    (tmp_path / "hashservice.password").write_text("a secret word")
    file = tmp_path / "goodhoster.toml"
    file.write_text(CONFIG)
    return file


def run(config: Path, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--config", str(config)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_config_show_prints_each_value_as_it_would_stand_in_the_file(config: Path) -> None:
    printed = run(config, "config", "show")
    assert 'policy.mode = "observe"' in printed
    assert 'hash_sources[1].url = "https://hash.example/v1/check"' in printed
    assert "hash_sources[1].percent = 50" in printed
    assert 'notices.own_networks = ["192.0.2.0/24"]' in printed
    assert "paging.command = not set" in printed or "paging.command = []" in printed
    for word in ("a secret word", "written", "Path(", "IPv4Network", "lines"):
        assert word not in printed
    for line in printed.splitlines():
        key, _, value = line.partition(" = ")
        assert key, line
        if value != "not set":
            tomllib.loads(f"x = {value}")
    shown = json.loads(run(config, "config", "show", "--json"))
    assert shown["hash_sources"][1]["username"] == "example"
    assert shown["block"]["include"] == "/etc/nginx/blocked.conf"


def test_doctor_does_not_take_our_own_directory_for_a_customer(config: Path) -> None:
    (config.parent / "srv/.goodhoster").mkdir()
    (config.parent / "srv/.goodhoster-2").mkdir()
    (tree,) = [finding for finding in examine(load(config)) if finding.what.startswith("tree ")]
    assert tree.detail.startswith("1 directories at its top")


def test_a_list_of_customers_has_a_heading(config: Path) -> None:
    (config.parent / "list.csv").write_text("id,name\nanna,Anna\nbert,Bert GmbH\n")
    run(config, "customers", "import", str(config.parent / "list.csv"))
    heading, anna, bert = run(config, "customers", "list").splitlines()
    assert heading.split() == ["ID", "STATE", "SINCE", "RESELLER", "NAME"]
    assert (anna.split()[:2], bert.split()[-1]) == (["anna", "active"], "GmbH")


@pytest.fixture
def storms(config: Path) -> Path:
    """s1 of police, at anna, open; s2 of own lists, released; s3 of a customer's cap, at bert, undone."""
    state_dir = load(config).state_dir
    state_dir.mkdir(0o700)
    store = SqliteCaseStore(state_dir / "record.sqlite")
    found = SqliteStormStore(store.record)
    case = a_case()
    store.add(case)
    found.begin(replace(storm("S20260301-aaaaaaa"), measures=(case.id,)))
    found.begin(replace(storm("S20260301-bbbbbbb", Cause(StormKind.SOURCE_CAP, "own")), sources=("own",), measures=()))
    found.replace(replace(found.get("S20260301-bbbbbbb"), state=StormState.RELEASED, decided_at=NOON))
    found.begin(replace(storm("S20260301-ccccccc", Cause(StormKind.CUSTOMER_CAP, "bert")), measures=()))
    found.replace(replace(found.get("S20260301-ccccccc"), state=StormState.UNDONE, decided_at=NOON))
    store.close()
    return config


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), "ac"),
        (("--state", "open"), "a"),
        (("--state", "undone"), "c"),
        (("--state", "released"), "b"),
        (("--state", "released", "--state", "open"), "ab"),
        (("--source", "police"), "ac"),
        (("--source", "own"), ""),
        (("--source", "own", "--state", "released"), "b"),
        (("--customer", a_case().upload.customer), "a"),
        (("--customer", "bert"), "c"),
        (("--customer", "nobody"), ""),
        (("--limit", "1"), "c"),
        (("--until", "2026-01-01"), ""),
    ],
)
def test_storms_are_listed_by_state_source_customer_and_date(storms: Path, words: tuple[str, ...], found: str) -> None:
    listed = run(storms, "storms", "list", "--json", *words).splitlines()
    assert "".join(json.loads(line)["id"][-1] for line in listed) == found


def test_a_storm_says_each_thing_once(storms: Path) -> None:
    shown = json.loads(run(storms, "storms", "show", "S20260301-ccccccc", "--json"))
    keys = {"id", "state", "cause", "reason", "sources", "since", "until", "taken", "held", "cases", "part_of"}
    assert shown.keys() == keys | {"actor", "alert_delivered"}
    assert shown["cause"] == {"kind": "customer-cap", "about": "bert"}


def test_the_hint_for_a_missing_configuration_is_the_first_step_of_the_pages(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as missing:
        load(tmp_path / "none.toml")
    assert missing.value.hint.startswith("make one: goodhoster setup")
    assert "goodhoster setup" in pages.sample().splitlines()[0]


def test_next_steps_work_for_the_configuration_that_was_written(config: Path) -> None:
    said = {"mail_server": None, "written": True}
    steps = next_steps(config, load(config), said)
    assert steps[0] == f"goodhoster run --config {config} (a unit for systemd: docs/how-to-install-from-checkout.md)"
    assert all(f"--config {config}" in step for step in steps if step.startswith("goodhoster "))
    assert not any("systemctl" in step for step in steps)
    assert str(config) in steps[-1]
    config.write_text(config.read_text().partition('[[hash_source]]\nkind = "hash')[0])
    assert "hashlist import" in next_steps(config, load(config), said)[0]


def test_next_steps_of_a_host_where_the_daemon_runs_do_not_start_it_again(config: Path) -> None:
    from goodhoster_agent.daemon_lock import only_daemon  # noqa: PLC0415 - holds a lock

    load(config).state_dir.mkdir(0o700)
    with only_daemon(load(config).state_dir):
        steps = next_steps(config, load(config), {"mail_server": "exim", "written": False})
    assert not any(step.startswith("goodhoster run") for step in steps)
    assert any("notices by mail from exim" in step for step in steps)
