"""Nothing that stands in a record commands a terminal or makes a line of its own, whichever command prints it."""

import ast
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster.adapters.stores.storms import SqliteStormStore
from goodhoster.assembly.state import audit_log
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import CaseState
from goodhoster.model.casework import Note
from goodhoster.model.customers.panels import SuspensionTarget
from goodhoster.model.customers.register import Customer, RegisterImport
from goodhoster.model.customers.standing import (
    Appeal,
    AppealChannel,
    Rung,
    Statement,
    StatementState,
    Step,
    StepState,
)
from goodhoster.model.customers.suspensions import Suspension, SuspensionState
from goodhoster.settings import load
from goodhoster.testing.suites.case_store import NOON, a_case
from goodhoster.testing.suites.storm_store import storm
from goodhoster_agent import commands
from goodhoster_agent.cli import app
from goodhoster_agent.hashing.sandboxed_services import sandboxed_services
from tests.open_databases import all_closed

CONFIG = """
[agent]
state_dir = "state"
[[watch]]
path = "srv"
[[hash_source]]
kind = "list"
"""
EVIL = "x\nFORGED 1 \x1b[2J\x07\x9b31m\r\nFORGED 2 \u202eback\u2028FORGED 3\x85FORGED 4\x0bFORGED 5"
"""What a reason, a name or an error may be: line breaks, escape sequences, a bell, and text that runs backwards."""
CASE = replace(
    a_case(),
    state=CaseState.OFFLINE,
    reason=EVIL,
    actor=EVIL,
    notice="",
    notifier=EVIL,
)
STEP = Step(
    id="m20260102-2345678",
    customer="anna",
    rung=Rung.WARN,
    state=StepState.ANNOUNCED,
    facts=(f"case:{CASE.id}",),
    announced_at=NOON,
    rules="built-in",
    reason=EVIL,
    actor=EVIL,
    trouble=EVIL,
)
APPEAL = Appeal(
    id="a20260103-2345678",
    customer="anna",
    subject=f"case:{CASE.id}",
    channel=AppealChannel.MAIL,
    received_at=NOON,
    deadline=NOON + timedelta(days=14),
    text=EVIL,
    reason=EVIL,
    actor=EVIL,
    trouble=EVIL,
)
SUSPENSION = Suspension(
    id="s20260102-2345678",
    state=SuspensionState.IN_FORCE,
    panel="web1",
    target=SuspensionTarget("anna"),
    customer="anna",
    reason=EVIL,
    actor=EVIL,
    opened_at=NOON,
    detail=EVIL,
)
PRINTED_AS_IT_IS = {
    "config.py": "our own pages, and values of the configuration as TOML",
    "demo.py": "our own texts",
    "setup.py": "root alone, before there is a record",
    "state.py": "root alone, our own names of files",
    "metrics.py": "the format of the metrics escapes",
    "notices.py": "the page of a notice, each line of which is neutral",
    "report.py": "documents, whose cells are neutral",
    "audit.py": "a signed checkpoint, which has a form of its own",
    "listing.py": "a table, whose cells are neutral",
    "cases.py": "the page of a case, each line of which is neutral",
    "check.py": "root alone, one file",
    "observe.py": "lines that are neutral",
    "status.py": "lines that are neutral",
    "scan.py": "root alone, paths that are neutral",
    "hashservice.py": "addresses and passwords of our own",
    "doors.py": "an address of our own",
    "people.py": "an address of our own",
    "witness.py": "an address of our own",
    "personal_data.py": "JSON, and our own texts",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "srv/anna").mkdir(parents=True)
    file = tmp_path / "goodhoster.toml"
    file.write_text(CONFIG)
    settings = load(file)
    event = {"case": CASE.id, "reason": EVIL, "actor": EVIL, "error": EVIL, "customer": EVIL}
    with closing(audit_log(settings)) as log:
        log.append(AuditEvent("case.closed", event))
    with sandboxed_services(settings) as services:
        services.case_store.add(CASE)
        services.casework.store.add(Note(CASE.id, EVIL, EVIL, NOON))
        SqliteStormStore(services.case_store.record).begin(replace(storm("t20260102-2345678"), reason=EVIL))
        standing = services.customers.standing.store
        standing.add_step(STEP)
        standing.add_appeal(APPEAL)
        sent = Statement(f"case:{CASE.id} offline", f"case:{CASE.id}", "anna", "offline", StatementState.NOT_SENT, NOON)
        standing.keep_statement(replace(sent, why=EVIL))
        services.customers.suspensions.add(SUSPENSION)
        with services.customers.store.stage("test") as staged:
            staged.add(Customer("anna", name=EVIL, country="NL"))
            staged.difference(replace=False)
            staged.apply(RegisterImport("test", NOON, "anna", "test", 0, 0))
    return file


@pytest.mark.parametrize(
    ("words", "shows"),
    [
        (("audit", "show"), "case.closed"),
        (("audit", "show", "--case", CASE.id), "case.closed"),
        (("audit", "outcomes"), ""),
        (("cases", "list"), CASE.id),
        (("cases", "list", "--csv"), CASE.id),
        (("cases", "show", CASE.id), CASE.id),
        (("storms", "list"), "t20260102-2345678"),
        (("storms", "show", "t20260102-2345678"), "t20260102-2345678"),
        (("customers", "list"), "anna"),
        (("customers", "show", "anna"), "anna"),
        (("customers", "may", "anna", "upload"), "anna"),
        (("customers", "standing", "anna"), STEP.id),
        (("customers", "measures", "list"), ""),
        (("customers", "statement", f"case:{CASE.id}"), CASE.id),
        (("customers", "statement", f"case:{CASE.id}", "--preview"), "anna"),
        (("customers", "statement", f"step:{STEP.id}", "--preview"), "Subject"),
        (("customers", "suspensions"), SUSPENSION.id),
        (("customers", "suspensions", "--id", SUSPENSION.id), SUSPENSION.id),
        (("customers", "appeals"), APPEAL.id),
        (("customers", "mistakes"), ""),
        (("customers", "legal-basis", "list"), ""),
        (("policy", "explain", "--customer", "anna"), "now"),
        (("report", "measures"), ""),
        (("report", "measures", "--csv"), ""),
        (("report", "weekly"), ""),
        (("alerts", "list"), ""),
        (("observe",), "mode"),
        (("status",), "mode"),
        (("status", "--nagios"), ""),
        (("doctor",), "configuration"),
    ],
)
def test_what_stands_in_a_record_makes_no_line_and_commands_no_terminal(
    config: Path, words: tuple[str, ...], shows: str
) -> None:
    with all_closed():
        found = CliRunner().invoke(app, [*words, "--config", str(config)])
    assert shows in found.output, found.exception
    for line in found.output.split("\n"):
        assert line.isprintable(), ascii(line)
        assert not line.lstrip().startswith("FORGED"), line


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\x1b[2Jb", "a\x07", "a\x9bb", "a\u2028b", "a\tb"])
def test_a_reason_is_one_line_without_control_characters(config: Path, bad: str) -> None:
    found = CliRunner().invoke(app, ["cases", "confirm", CASE.id, "--reason", bad, "--config", str(config)])
    assert found.exit_code == 2
    assert "control characters" in found.output


def _bare_prints(file: Path) -> Iterator[int]:
    """Lines on which something that is not a constant is printed without the neutral display."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            if any(not isinstance(each, ast.Constant) for each in node.args) and not names & {"visible", "json"}:
                yield node.lineno


def test_every_command_prints_by_the_neutral_display() -> None:
    """A new `print` uses `print_line`, or its file stands above with the reason why what it prints is neutral."""
    directory = Path(commands.__file__).parent
    bare = {file.name for file in directory.rglob("*.py") if list(_bare_prints(file))}
    assert bare - PRINTED_AS_IT_IS.keys() == set()
