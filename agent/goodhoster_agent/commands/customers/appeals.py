"""`goodhoster customers appeal`, `appeals`, `decide` and `mistakes`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from goodhoster.customers.standing.appeals import AppealDecision, says_something
from goodhoster.customers.standing.mistakes import accuracy
from goodhoster.errors import RefusedError
from goodhoster.model.customers.standing import Appeal, AppealState
from goodhoster.model.uploads import visible
from goodhoster.ports import CaseQuery
from goodhoster_agent.commands.cases import order_of
from goodhoster_agent.commands.customers.register import CustomerArgument
from goodhoster_agent.commands.customers.standing import customer_of, whole_subject
from goodhoster_agent.commands.options import (
    FINE,
    YES,
    ConfigOption,
    JsonOption,
    ReasonOption,
    note_order,
    open_services,
    print_json,
    print_line,
)

app = typer.Typer()

_LARGEST_FILE = 1 << 20
AboutOption = Annotated[str, typer.Option("--about", help="The measure: step:ID, case:ID or suspension:ID.")]
FileOption = Annotated[Path | None, typer.Option("--text", help="File with what the customer says; - for stdin.")]
AppealArgument = Annotated[str, typer.Argument(metavar="APPEAL", help="Id of an appeal.")]
MistakeOption = Annotated[
    bool, typer.Option("--mistake", help="The list or notifier was wrong: the owner of the list is told.")
]
StateOption = Annotated[list[AppealState] | None, typer.Option("--state", help="Only these.", show_default=False)]


@app.command("appeal")
def appeal_command(
    customer_id: CustomerArgument,
    *,
    about: AboutOption,
    text: FileOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in a customer's appeal against a measure, such as one that came by phone or letter."""
    words = _text_of(text)
    with open_services(config) as services:
        subject = whole_subject(services, about)
        customer = customer_of(services, customer_id)
        note_order(services.audit, "customers appeal", customer=customer, **dict([subject.split(":", 1)]))
        appeal = services.customers.standing.appeals.about(subject, customer, words)
    _print(appeal, as_json=as_json)


@app.command("appeals")
def appeals_command(
    state: StateOption = None,
    customer: Annotated[str, typer.Option("--customer", help="Only of this customer.")] = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List appeals by the deadline for their decision; open ones unless --state says otherwise."""
    states = frozenset(state or (AppealState.OPEN,))
    with open_services(config) as services:
        for appeal in services.customers.standing.store.appeals(customer, states):
            _print(appeal, as_json=as_json)


@app.command("decide")
def decide_command(
    appeal_id: AppealArgument,
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME", help="upheld, rejected or withdrawn.")],
    *,
    reason: ReasonOption,
    mistake: MistakeOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide an appeal; upheld undoes the measure exactly. Exits with 1 if that failed."""
    if outcome not in {AppealState.UPHELD, AppealState.REJECTED, AppealState.WITHDRAWN}:
        raise typer.BadParameter("one of upheld, rejected, withdrawn")
    with open_services(config) as services:
        decision = AppealDecision(AppealState(outcome), order_of(reason), mistake)
        standing = services.customers.standing
        appeal = standing.appeals.decide(standing.store.complete_appeal(appeal_id), decision)
    _print(appeal, as_json=as_json)
    raise typer.Exit(YES if appeal.trouble else FINE)


@app.command("mistakes")
def mistakes_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Show how often each source and notifier was wrong, those with the most mistakes first."""
    with open_services(config) as services:
        appeals = services.customers.standing.store.appeals()
        for found in accuracy(services.case_store.each(CaseQuery()), appeals):
            if as_json:
                print_json(asdict(found))
            else:
                print_line(
                    f"{found.kind:<9} {found.name:<24} {found.taken:>7} offline  {found.overruled:>5} put back  "
                    f"{found.mistakes:>5} mistakes"
                )


def as_object(appeal: Appeal) -> dict[str, Any]:
    """The object that `--json` prints."""
    return {
        "id": appeal.id,
        "customer": appeal.customer,
        "subject": appeal.subject,
        "channel": appeal.channel,
        "received_at": appeal.received_at.isoformat(),
        "deadline": appeal.deadline.isoformat(),
        "late": appeal.late,
        "state": appeal.state,
        "text": appeal.text,
        "reason": appeal.reason,
        "actor": appeal.actor,
        "decided_at": appeal.decided_at.isoformat() if appeal.decided_at else None,
        "restored": list(appeal.restored),
        "mistake": appeal.mistake,
        "trouble": appeal.trouble,
    }


def _print(appeal: Appeal, *, as_json: bool) -> None:
    if as_json:
        print_json(as_object(appeal))
        return
    print_line(_as_line(appeal))
    if appeal.text and appeal.state is AppealState.OPEN:
        print_line(f"  {visible(appeal.text)[:200]}")


def _as_line(appeal: Appeal) -> str:
    late = "  late" if appeal.late else ""
    trouble = f"  not undone yet: {appeal.trouble}" if appeal.trouble else ""
    due = f"by {appeal.deadline:%Y-%m-%d %H:%M} UTC" if appeal.state is AppealState.OPEN else appeal.reason
    return f"{appeal.id}  {appeal.state:<9} {appeal.customer}  {appeal.subject}  {due}{late}{trouble}"


def _text_of(file: Path | None) -> str:
    if file is None:
        return ""
    if str(file) == "-":
        text = sys.stdin.read(_LARGEST_FILE)
    else:
        with file.open(encoding="utf-8", errors="replace") as opened:
            text = opened.read(_LARGEST_FILE)
    if not says_something(text):
        raise RefusedError(f"{file} has no word in it", hint="leave --text out where the customer wrote nothing")
    return text
