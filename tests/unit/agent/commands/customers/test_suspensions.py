"""`goodhoster customers suspend`, `unsuspend` and `suspensions`, over a panel of real programs."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from goodhoster.model.cases import Order
from goodhoster.model.customers.standing import Rung, Step, StepState
from goodhoster_agent.background.standing import StandingTask
from goodhoster_agent.cli import app
from goodhoster_agent.commands.options import open_services

HOOK = """
import json, sys, pathlib
state = pathlib.Path({file!r})
accounts = json.loads(state.read_text())
verb, user, host = (*sys.argv[1:], "", "")[:3]
if verb == "list":
    if state.with_name("away").exists():
        print('{{"account": "anna", "suspended": false, "sites": []}}', flush=True)
        sys.exit(1)
    for name, suspended in accounts.items():
        print(json.dumps({{"account": name, "suspended": suspended, "sites": [{{"host": name + ".example"}}]}}))
elif user not in accounts:
    sys.exit(3)
elif verb == "state":
    print(json.dumps({{"account": user, "suspended": accounts[user], "sites": [{{"host": "anna.example"}}]}}))
elif not state.with_name("lazy").exists():
    accounts[user] = verb == "suspend"
    state.write_text(json.dumps(accounts))
"""

Do = Callable[..., tuple[int, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "customers").mkdir()
    (tmp_path / "accounts.json").write_text('{"anna": false, "bob": false}')
    hook = tmp_path / "hook.py"
    hook.write_text(HOOK.format(file=str(tmp_path / "accounts.json")))
    program = json.dumps([sys.executable, str(hook)])[:-1]
    (tmp_path / "goodhoster.toml").write_text(
        f"""
        [agent]
        state_dir = "{tmp_path}/state"
        [[watch]]
        path = "{tmp_path}/customers"
        [[panel]]
        name = "web1"
        kind = "command"
        list = {program}, "list"]
        state = {program}, "state", "{{account}}"]
        suspend = {program}, "suspend", "{{account}}"]
        unsuspend = {program}, "unsuspend", "{{account}}"]
        """
    )
    return tmp_path


@pytest.fixture
def do(folder: Path) -> Do:
    def run(*arguments: str) -> tuple[int, Any]:
        first, *rest = arguments
        argv = ["customers", first, "--json", "--config", str(folder / "goodhoster.toml"), *rest]
        result = CliRunner().invoke(app, argv)
        lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
        return result.exit_code, lines or [result.output + repr(result.exception)]

    return run


def _accounts(folder: Path) -> dict[str, bool]:
    return dict(json.loads((folder / "accounts.json").read_text()))


def test_suspends_and_unsuspends_an_account(do: Do, folder: Path) -> None:
    code, (shown,) = do("suspend", "anna", "--panel", "web1", "--reason", "made up")
    assert (code, shown["state"], shown["account"]) == (0, "in-force", "anna")
    assert _accounts(folder) == {"anna": True, "bob": False}
    assert [one["id"] for one in do("suspensions")[1]] == [shown["id"]]
    code, (lifted,) = do("unsuspend", shown["id"], "--reason", "made up")
    assert (code, lifted["state"]) == (0, "lifted")
    assert _accounts(folder) == {"anna": False, "bob": False}


def test_what_stands_over_an_account_is_lifted_by_its_name(do: Do, folder: Path) -> None:
    do("suspend", "anna", "--panel", "web1", "--reason", "made up")
    assert do("unsuspend", "anna", "--panel", "web1", "--reason", "made up")[0] == 0
    assert _accounts(folder)["anna"] is False


def test_a_panel_that_does_nothing_is_told_by_the_exit_code(do: Do, folder: Path) -> None:
    (folder / "lazy").touch()
    code, (shown,) = do("suspend", "anna", "--panel", "web1", "--reason", "made up")
    assert (code, shown["state"]) == (1, "ineffective")


def test_a_preview_does_nothing(do: Do, folder: Path) -> None:
    code, (shown,) = do("suspend", "anna", "--panel", "web1", "--reason", "made up", "--preview")
    assert (code, shown["refused"], shown["account_suspended_before"]) == (0, None, False)
    assert _accounts(folder)["anna"] is False
    assert do("suspensions")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("suspend", "carol", "--panel", "web1"),
        ("suspend", "anna"),
        ("suspend", "anna", "--panel", "web2"),
        ("suspend", "--panel", "web1", "--", "--help"),
        ("unsuspend", "anna", "--panel", "web1"),
        ("unsuspend", "s20260101-abcdefg"),
    ],
)
def test_what_is_not_there_is_refused(do: Do, folder: Path, arguments: tuple[str, ...]) -> None:
    first, *rest = arguments
    code, _ = do(first, "--reason", "made up", *rest)
    assert code != 0
    assert _accounts(folder) == {"anna": False, "bob": False}


def test_what_a_panel_lists_is_imported_and_then_found_by_its_names(do: Do, folder: Path) -> None:
    code, (shown,) = do("import", "--panel", "web1")
    assert (code, shown["applied"], shown["customers"], shown["sites"], shown["source"]) == (0, True, 2, 2, "web1")
    code, (found,) = do("suspend", "anna", "--reason", "made up")
    assert (code, found["customer"], found["panel"]) == (0, "anna", "web1")
    assert _accounts(folder)["anna"] is True


def test_an_outage_is_no_empty_list(do: Do, folder: Path) -> None:
    do("import", "--panel", "web1")
    (folder / "away").touch()
    assert do("import", "--panel", "web1")[0] != 0
    assert len(do("list")[1]) == 2


def test_a_list_that_became_empty_ends_nobody(do: Do, folder: Path) -> None:
    do("import", "--panel", "web1")
    (folder / "accounts.json").write_text("{}")
    code, (shown,) = do("import", "--panel", "web1")
    assert (code, shown["applied"]) == (2, False)
    assert [one["state"] for one in do("list")[1]] == ["active", "active"]


@pytest.mark.parametrize("arguments", [(), ("list.csv", "--panel", "web1"), ("--panel", "web2")])
def test_an_import_is_of_one_list(do: Do, arguments: tuple[str, ...]) -> None:
    assert do("import", *arguments)[0] != 0


STEP = Step(
    "m20260101-abcdefg",
    "anna",
    Rung.SUSPEND_ACCOUNT,
    StepState.IMPOSING,
    facts=("case:x",),
    announced_at=datetime(2026, 1, 1, tzinfo=UTC),
    rules="",
)
ORDER = Order("eva", f"{STEP.id}: a third incident")


def test_a_step_of_the_ladder_is_carried_out_once_and_lifted_exactly(do: Do, folder: Path) -> None:
    assert do("import", "--panel", "web1")[0] == 0
    with open_services(folder / "goodhoster.toml") as services:
        measures = services.customers.standing.measures
        assert measures.suspend(STEP, ORDER).done
        assert measures.suspend(STEP, ORDER).done
    assert _accounts(folder) == {"anna": True, "bob": False}
    (one,) = do("suspensions")[1]
    assert (one["actor"], one["customer"]) == ("eva", "anna")
    assert do("show", "anna")[1][0]["blocked"] == [f"account anna on web1: in-force ({one['id']})"]
    assert _status(folder)["suspensions"] == {"open": 1, "for_a_person": []}
    with open_services(folder / "goodhoster.toml") as services:
        assert services.customers.standing.measures.lift(STEP, ORDER).done
        assert services.customers.standing.measures.lift(STEP, ORDER).done
    assert _accounts(folder)["anna"] is False
    assert do("show", "anna")[1][0]["blocked"] == []


def test_a_step_says_what_is_not_seen_to_be_done_and_does_not_lift_what_others_suspended(do: Do, folder: Path) -> None:
    do("import", "--panel", "web1")
    (folder / "lazy").touch()
    with open_services(folder / "goodhoster.toml") as services:
        seen = services.customers.standing.measures.suspend(STEP, ORDER)
        services.customers.standing.store.add_step(replace(STEP, trouble=seen.detail))
    assert not seen.done
    assert "ineffective" in seen.detail
    assert _status(folder)["steps"] == [f"{STEP.id} of anna, suspend-account: imposing: {seen.detail}"]
    assert len(_status(folder)["suspensions"]["for_a_person"]) == 1
    (folder / "lazy").unlink()
    with open_services(folder / "goodhoster.toml") as services:
        assert not services.customers.standing.measures.suspend(STEP, ORDER).done  # the panel was not told again
        assert services.customers.standing.measures.lift(STEP, ORDER).done

    do("suspend", "anna", "--panel", "web1", "--reason", "unpaid")
    with open_services(folder / "goodhoster.toml") as services:
        measures = services.customers.standing.measures
        assert "under suspension" in measures.suspend(STEP, ORDER).detail
        measures.lift(STEP, ORDER)
    assert _accounts(folder)["anna"] is True


def test_a_step_about_what_no_panel_has_is_done_by_hand(do: Do, folder: Path) -> None:
    do("import", "--panel", "web1")
    with open_services(folder / "goodhoster.toml") as services:
        seen = services.customers.standing.measures.suspend(replace(STEP, customer="carol"), ORDER)
    assert not seen.done
    assert "by hand" in seen.detail or "yourself" in seen.detail


def _status(folder: Path) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["status", "--json", "--config", str(folder / "goodhoster.toml")])
    return dict(json.loads(result.stdout))


def test_a_suspension_of_a_customer_is_told_by_the_daemon_appealed_and_lifted_by_short_ids(
    do: Do, folder: Path
) -> None:
    assert do("import", "--panel", "web1")[0] == 0
    config = folder / "goodhoster.toml"
    config.write_text(config.read_text() + '[policy]\nmode = "enforce"\n')
    code, (made,) = do("suspend", "anna", "--reason", "third notice without an answer")
    assert code == 0
    short = made["id"].partition("-")[2][:5]
    with open_services(config) as services:
        StandingTask(services)._run_once()
    (told,) = do("statement", f"suspension:{short}")[1]
    assert (told["subject"], told["purpose"]) == (f"suspension:{made['id']}", "imposed")
    assert (told["state"], "no proven contact" in told["why"]) == ("not-sent", True)
    (letter,) = do("statement", f"suspension:{short}", "--preview")[1]
    assert "third notice without an answer" in " ".join(letter["text"].split())
    (folder / "empty.txt").write_text(" \n")
    empty = do("appeal", made["customer"], "--about", f"suspension:{short}", "--text", str(folder / "empty.txt"))
    assert empty[0] != 0
    code, (appeal,) = do("appeal", made["customer"], "--about", f"suspension:{short}")
    assert (code, appeal["subject"]) == (0, f"suspension:{made['id']}")
    number = appeal["id"].partition("-")[2][:5]
    code, (decided,) = do("decide", number, "upheld", "--reason", "it was answered")
    assert (code, decided["state"], decided["trouble"]) == (0, "upheld", "")
    assert _accounts(folder)["anna"] is False
    assert do("suspensions", "--id", short)[1][0]["state"] == "lifted"
    again, (why,) = do("decide", number, "rejected", "--reason", "no")
    assert again != 0
    assert "was decided by" in why
    assert do("decide", "zzzzz", "rejected", "--reason", "no")[0] != 0


def test_a_confidential_suspension_is_not_told(do: Do, folder: Path) -> None:
    do("import", "--panel", "web1")
    config = folder / "goodhoster.toml"
    config.write_text(config.read_text() + '[policy]\nmode = "enforce"\n')
    (made,) = do("suspend", "anna", "--reason", "an order", "--confidential")[1]
    assert made["confidential"] is True
    with open_services(config) as services:
        StandingTask(services)._run_once()
    assert do("statement", f"suspension:{made['id']}")[1][0]["state"] == "withheld"
