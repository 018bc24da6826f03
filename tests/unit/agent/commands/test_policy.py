"""`goodhoster policy explain`: the rules in words, what they say of a customer, and what would be if."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.assembly.customer_services import FILE
from goodhoster.model.customers.register import Customer
from goodhoster.testing.suites.customer_store import imported
from goodhoster_agent.cli import app


class Explained:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "state").mkdir(mode=0o700)
        self.rules = folder / "house-rules.toml"
        self.rules.write_text('mode = "enforce"\n')
        rules = f'[house_rules]\nfile = "{self.rules}"'
        (folder / "goodhoster.toml").write_text(f'[agent]\nstate_dir = "{folder}/state"\n{rules}\n')
        with closing(customers_file(folder / "state" / FILE)) as record:
            imported(SqliteCustomerStore(record), [Customer("anna", "Anna", "person")])

    def __call__(self, *arguments: str) -> list[dict[str, Any]]:
        config = str(self.folder / "goodhoster.toml")
        result = CliRunner().invoke(app, ["policy", "explain", "--json", "--config", config, *arguments])
        assert result.exception is None, result.exception
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def explain(tmp_path: Path) -> Explained:
    return Explained(tmp_path)


def test_the_rules_are_said_in_words_with_their_version(explain: Explained) -> None:
    (said,) = explain()
    assert (said["mode"], len(said["version"])) == ("enforce", 12)
    assert any("warn" in sentence for sentence in said["rules"])
    before = said["version"]
    explain.rules.write_text('mode = "enforce"\n[ladder.warn]\nincidents = 2\n')
    assert explain()[0]["version"] != before


def test_what_they_say_of_a_customer_now_and_after_one_more_incident(explain: Explained) -> None:
    now, then = explain("--customer", "anna", "--what-if", "incident")
    assert (now["case"], now["standing"], now["next"]) == ("now", "good", None)
    assert now["upload"] == "unchecked" or now["upload"] == "no"
    assert now["reasons"]
    assert then["case"] == "after one more incident"
    assert (then["next"]["move"], then["next"]["rung"]) == ("announce", "warn")
    assert "1 incident in 365 days" in then["next"]["reason"]
    assert explain("--customer", "anna") == [now], "nothing was recorded by asking"


def test_what_other_rules_would_say(explain: Explained) -> None:
    other = explain.folder / "lax.toml"
    other.write_text('mode = "enforce"\n[upload]\nvetted = false\nhash_check_within = false\ncontact_proven = false\n'
                     "contact_answers_within = false\n")  # fmt: skip
    now, then = explain("--customer", "anna", "--what-if", str(other))
    assert now["upload"] != "yes"
    assert then["upload"] == "yes"


def test_one_more_incident_is_at_somebody(explain: Explained) -> None:
    config = str(explain.folder / "goodhoster.toml")
    result = CliRunner().invoke(app, ["policy", "explain", "--what-if", "incident", "--config", config])
    assert "at whom" in str(result.exception)
