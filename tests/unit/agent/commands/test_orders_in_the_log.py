"""Whoever orders what acts is in the log, root too: who, what and, where a reason can be said, why."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from goodhoster.assembly.services import Services
from goodhoster.assembly.state import file_audit_log
from goodhoster.errors import RefusedError
from goodhoster.model.cases import CaseState
from goodhoster.settings import Settings, load
from goodhoster.testing.suites.case_store import a_case
from goodhoster_agent.cli import app
from goodhoster_agent.people.rights import ACCESS, HERE, Right
from tests.open_databases import all_closed

CHECKOUT = Path(__file__).parents[4]
NOTED = {
    "alerts test",
    "audit export",
    "cases hand-over",
    "cases note",
    "cases take",
    "customers appeal",
    "customers identity-message",
    "doors token add",
    "doors token revoke",
    "hashservice client add",
    "hashservice client remove",
    "notices answer",
    "notices hand-over",
    "notices note",
    "notices take",
    "report all",
    "report eu-database",
    "report police",
    "report xarf",
    "scan",
    "state backup",
    "state restore",
}
"""Commands that write `person.ordered` themselves."""
OWN_ENTRIES = {
    "audit change-keys": "log.key-changed",
    "cases cancel": "case.cancelled",
    "cases confirm": "case.confirmed",
    "cases restore": "restore.intended",
    "customers decide": "appeal.decided",
    "customers drill": "contact.asked",
    "customers export": "customer.accessed",
    "customers forget": "customer.forget-intended",
    "customers import": "register.intended",
    "customers legal-basis set": "legal-basis.intended",
    "customers measures confirm": "step.intended",
    "customers measures done": "step.done-by-hand",
    "customers measures refuse": "step.refused",
    "customers measures told": "step.notified",
    "customers measures undo": "step.lifting",
    "customers screen": "screening.done",
    "customers screen-decide": "screening.decided",
    "customers suspend": "suspension.intended",
    "customers unsuspend": "suspension.lifting",
    "customers verify-contact": "contact.asked",
    "customers vet": "vetting.evidence",
    "evidence destroy": "evidence.destroying",
    "evidence export": "evidence.exported",
    "evidence hold": "evidence.held",
    "evidence recipients": "evidence.recipients-set",
    "evidence release": "evidence.released",
    "exemptions build": "exemption.intended",
    "exemptions remove": "exemption.intended",
    "hashlist import": "list.intended",
    "hashlist remove": "list.intended",
    "notices confirm": "notice.confirmed",
    "notices dismiss": "notice.dismissed",
    "notices forward": "notice.forwarded",
    "notices receive": "notice.received",
    "notices tell": "notice.customers-notified",
    "observe": "mode.observe",
    "state accept-loss": "state.loss-accepted",
    "storms release": "storm.released",
    "storms undo": "storm.undone",
}
"""Commands whose work has an entry of its own."""
ACTS_ON_NOTHING = {"audit checkpoint", "check", "report verify", "setup", "state check"}
"""They sign, look or write a new configuration; nothing that was there is changed, and nothing of a person leaves."""
SERVICES = {"doors serve", "hashservice serve", "people serve", "run", "witness serve"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "goodhoster.toml"
    (tmp_path / "srv").mkdir()
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n[[watch]]\npath = "{tmp_path}/srv"\n')
    found = load(file)
    with Services(found) as services:
        services.case_store.add(replace(a_case(), state=CaseState.OFFLINE, notice="", notifier=""))
    return found


def run(settings: Settings, words: Sequence[str]) -> Result:
    with all_closed():
        return CliRunner().invoke(app, [*words, "--config", str(settings.file)])


def test_every_command_that_acts_is_in_the_log() -> None:
    acting = {name for name, access in ACCESS.items() if access is not HERE and access.right is not Right.SEE}
    assert acting - ACTS_ON_NOTHING - SERVICES == NOTED - {"customers statement"} | OWN_ENTRIES.keys()


def test_each_kind_of_their_entries_is_one_that_the_glossary_tells_of() -> None:
    told = set(re.findall(r"`([a-z-]+\.[a-z-]+)`", (CHECKOUT / "docs/glossary.md").read_text(encoding="utf-8")))
    assert set(OWN_ENTRIES.values()) - told == set()


ORDERS = [
    ("doors token add", ["shop"]),
    ("hashservice client add", ["customer"]),
    ("report police", [a_case().id]),
    ("report eu-database", ["--period", "2026"]),
    ("report xarf", [a_case().id, "--url", "https://a.example/x.jpg", "--classification", "baseline"]),
    ("report all", ["--to", "TMP/reports", "--period", "2026"]),
    ("audit export", ["--case", a_case().id, "--to", "TMP/export"]),
    ("state backup", ["TMP/backup"]),
    ("customers statement --resend", [f"case:{a_case().id}"]),
]


@pytest.mark.parametrize(("command", "given"), ORDERS, ids=[command for command, _ in ORDERS])
def test_who_ordered_and_why_is_written_before_it_is_done(
    settings: Settings, tmp_path: Path, command: str, given: list[str]
) -> None:
    words = [*command.split(), *(each.replace("TMP", str(tmp_path)) for each in given)]
    done = run(settings, [*words, "--reason", "a made-up reason"])
    assert done.exit_code == 0 or isinstance(done.exception, RefusedError), done.output
    with Services(settings) as services:
        (entry,) = [entry for entry in services.audit.entries() if entry.event.kind == "person.ordered"]
    assert entry.event.data["command"] == command
    assert entry.event.data["reason"] == "a made-up reason"
    assert entry.event.data["actor"]


@pytest.mark.parametrize("command", ["token", "client"])
def test_the_end_of_an_account_is_in_the_log_too(settings: Settings, command: str) -> None:
    group, verb = ("doors", "revoke") if command == "token" else ("hashservice", "remove")
    assert run(settings, [group, command, "add", "shop"]).exit_code == 0
    assert run(settings, [group, command, verb, "shop", "--reason", "no longer a customer"]).exit_code == 0
    last = list(file_audit_log(settings).entries())[-1].event.data
    assert (last["command"], last["reason"]) == (f"{group} {command} {verb}", "no longer a customer")


def test_a_statement_is_not_sent_again_without_a_reason(settings: Settings) -> None:
    done = run(settings, ["customers", "statement", f"case:{a_case().id}", "--resend"])
    assert done.exit_code == 2
    assert "--reason" in done.output


def test_a_restore_is_in_the_log_that_is_there_afterwards(settings: Settings, tmp_path: Path) -> None:
    assert run(settings, ["state", "backup", str(tmp_path / "backup"), "--with-keys"]).exit_code == 0
    again = ["state", "restore", str(tmp_path / "backup"), "--replace", "--reason", "the disk broke"]
    assert run(settings, again).exit_code == 0
    last = list(file_audit_log(settings).entries())[-1].event
    assert (last.kind, last.data["command"], last.data["reason"]) == (
        "person.ordered",
        "state restore",
        "the disk broke",
    )
