"""`goodhoster customers screen`, `findings` and `screen-decide`.

Customers compared with lists.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from goodhoster.model.customers.screening import Agreement, ScreeningDecision, ScreeningFinding, ScreeningRun
from goodhoster_agent.commands.cases import order_of
from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    ReasonOption,
    open_services,
    print_json,
    print_line,
    warn_of,
)

app = typer.Typer()


@app.command("screen")
def screen_command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="LIST", help="CSV with a header, or OpenSanctions; without it, every kept list again."),
    ] = None,
    *,
    name: Annotated[str, typer.Option("--name", help="Name of the list; default: the name of the file.")] = "",
    smaller: Annotated[
        bool, typer.Option("--smaller", help="Import it although more than half of its entries are gone.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare customers with a list of names, domains, networks or numbers.

    A person decides, nothing is done.

    Only what is new or has changed is compared again. Exit code 1 where findings are open, 3 where lines could not be
    read or compared.
    """
    with open_services(config) as services:
        lists, desk = services.customers.kept_lists, services.customers.screening()
        files = [(name or file.name.partition(".")[0], file)] if file is not None else lists.all()
        order = order_of("asked by hand")
        runs = [
            lists.replace(each, path, partial(desk.screen, each, order=order, smaller=smaller)) for each, path in files
        ]
    for run in runs:
        print_json(_run_object(run)) if as_json else _print_run(run)
        warn_of(f"{run.list_name}: {problem}" for problem in run.unread)
    if any(run.open for run in runs):
        raise typer.Exit(YES)
    raise typer.Exit(UNCHECKED if any(run.unread_count for run in runs) else FINE)


@app.command("findings")
def findings_command(
    *,
    state: Annotated[list[ScreeningDecision], typer.Option("--state", help="Only these; default: open.")] = [],  # noqa: B006 - Typer reads it
    list_name: Annotated[str, typer.Option("--list", help="Only of this list.")] = "",
    customer: Annotated[str, typer.Option("--customer", help="Only about this customer.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what screening found, with what speaks for and against it."""
    with open_services(config) as services:
        states = frozenset(state or [ScreeningDecision.OPEN])
        for finding in services.customers.screening().findings(states, list_name, customer):
            print_json(_as_object(finding)) if as_json else _print(finding)


@app.command("screen-decide")
def decide_command(
    finding_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the finding.")],
    *,
    match: Annotated[bool, typer.Option("--match/--no-match", help="Whether it is the one on the list.")],
    reason: ReasonOption,
    overrule: Annotated[bool, typer.Option("--overrule", help="Decide again what somebody has decided.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide whether a customer is the one on the list. It is asked again when either changes."""
    with open_services(config) as services:
        decision = ScreeningDecision.MATCH if match else ScreeningDecision.NO_MATCH
        desk = services.customers.screening()
        finding = desk.decide(desk.complete(finding_id), decision, order_of(reason), overrule=overrule)
    print_json(_as_object(finding)) if as_json else _print(finding)


def _run_object(run: ScreeningRun) -> dict[str, Any]:
    return asdict(run) | {"unread": list(run.unread)}


def _print_run(run: ScreeningRun) -> None:
    print_line(f"{run.list_name}: {run.entries} entries, {run.customers} customers")
    print_line(
        f"  compared  {run.compared_entries} entries and {run.compared_customers} customers that were new or changed"
    )
    print_line(f"  found     {run.found}, withdrawn {run.withdrawn}; open now {run.open}")
    if run.unread_count:
        print_line(f"  unread    {run.unread_count}")


def _as_object(finding: ScreeningFinding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "list": finding.list_name,
        "entry": finding.entry,
        "customer": finding.customer,
        "decision": finding.decision,
        "asked_again": finding.asked_again,
        "found_at": finding.found_at.isoformat(),
        "decided_at": finding.decided_at.isoformat() if finding.decided_at else None,
        "by": finding.actor,
        "reason": finding.reason,
        "score": finding.score,
        "contradicted": list(finding.contradicted),
        "fields": [
            {
                "field": each.field,
                "listed": each.listed,
                "ours": each.ours,
                "agreement": each.agreement,
                "score": each.score,
            }
            for each in finding.comparisons
        ],
    }


_SIGNS = {Agreement.SAME: "=", Agreement.DIFFERENT: "≠", Agreement.UNKNOWN: "?"}


def _print(finding: ScreeningFinding) -> None:
    again = ", asked again" if finding.asked_again else ""
    print_line(f"{finding.id}  {finding.decision}{again}  {finding.customer} ~ {finding.list_name} {finding.entry}")
    for each in finding.comparisons:
        score = f" ({each.score})" if each.score not in {0, 100} else ""
        print_line(f"  {_SIGNS[each.agreement]} {each.field:<11} {each.listed or '–'} | {each.ours or '–'}{score}")
