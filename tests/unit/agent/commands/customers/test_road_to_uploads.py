"""From an imported customer to one that may host uploads, by commands."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from goodhoster_agent.cli import app
from goodhoster_agent.commands.options import open_services

EMAIL = "a mail address, proven to answer"


class House:
    """A host whose house rules let only the vetted and proven upload."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "goodhoster.toml"
        (folder / "srv").mkdir()
        phone = folder / "phone"
        phone.write_text(f"#!/bin/sh\ncat > {folder}/told\n")
        phone.chmod(0o755)
        rules = 'mode = "enforce"\n[upload]\nvetted = true\ncontact_proven = true\n'
        (folder / "rules.toml").write_text(rules)
        self.config.write_text(
            '[agent]\nstate_dir = "state"\n[[watch]]\npath = "srv"\n[house_rules]\nfile = "rules.toml"\n'
            '[smtp]\nhost = "127.0.0.1"\nport = 9\nsender = "abuse@hoster.example"\n'
            '[vetting]\nrequired_normal = ["email", "phone", "payment-method"]\n'
            f'[contacts]\nlink = "https://abuse.hoster.example"\nphone_command = ["{phone}"]\n'
            'name_server = "127.0.0.1:9"\n'
        )
        self.import_("anna@client.example")

    def import_(self, address: str) -> None:
        (self.folder / "list.csv").write_text(
            "customer_id,name,kind,email,phone,domain,docroot\n"
            f"anna,Anna,person,{address},+31201234567,anna.example,{self.folder}/srv/anna\n"
        )
        assert self("import", str(self.folder / "list.csv"))[0] == 0

    def __call__(self, verb: str, *arguments: str) -> tuple[int, dict[str, Any]]:
        command = ["customers", verb, *arguments, "--json", "--config", str(self.config)]
        result = CliRunner().invoke(app, command)
        assert result.stdout.startswith("{"), result.output
        return result.exit_code, json.loads(result.stdout.splitlines()[-1])

    def vetting(self) -> tuple[str, list[str]]:
        vetting = self("show", "anna")[1]["vetting"]
        return vetting["state"], vetting["missing"]

    def press_the_button(self) -> None:
        """What the page behind the link in the newest letter does when its button is pressed."""
        letters = sorted((self.folder / "state").rglob("letters/**/*.json"), key=lambda file: file.stat().st_mtime_ns)
        found = re.search(r"/contact/([\w-]+)", letters[-1].read_text())
        assert found
        with open_services(self.config) as services:
            assert services.customers.contacts.confirm(found[1])


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_customer_comes_to_host_uploads(house: House) -> None:
    assert house("may", "anna", "upload")[0] == 1
    state, missing = house.vetting()
    assert (state, missing[0]) == ("missing", f"{EMAIL}: none yet")

    assert house("verify-contact", "anna")[0] == 3
    state, missing = house.vetting()
    assert state == "review"
    assert missing[0].startswith(f"{EMAIL}: under way on ")
    house.press_the_button()
    assert house("show", "anna")[1]["contact"]["state"] == "verified"
    assert EMAIL not in " ".join(house.vetting()[1])

    house("verify-contact", "anna", "--phone")
    house("verify-contact", "anna", "--code", (house.folder / "told").read_text().strip())
    assert house.vetting() == ("missing", ["a payment method in the customer's name: none yet"])

    paid = ("--evidence", "payment-method", "--outcome", "passed", "--detail", "bank-transfer", "--reason", "paid")
    assert house("vet", "anna", *paid)[0] == 0
    assert house.vetting() == ("vetted", [])
    shown = house("show", "anna")[1]
    assert (shown["contact"]["state"], shown["standing"], shown["blocked"]) == ("verified", "good", [])
    code, answer = house("may", "anna", "upload")
    assert (code, answer["answer"], answer["reasons"]) == (0, "yes", [])

    # Another address in the register: what was proven of the one before says nothing of it.
    house.import_("other@client.example")
    assert house.vetting() == ("missing", [f"{EMAIL}: none yet"])
    assert house("may", "anna", "upload")[0] == 1
    blocked = house("show", "anna")[1]["blocked"]
    assert [reason.split(":")[1] for reason in blocked] == [" identity", " abuse contact"]
