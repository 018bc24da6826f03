"""The command `goodhoster customers legal-basis`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster_agent.commands.options import (
    FINE,
    YES,
    ConfigOption,
    JsonOption,
    current_user,
    open_services,
    print_json,
    print_line,
    required_reason,
)

if TYPE_CHECKING:
    from goodhoster.policy.legal_basis import CheckBasis

app = typer.Typer()
_group = typer.Typer(no_args_is_help=True, help="The legal basis of each check: who decided, and until when.")
app.add_typer(_group, name="legal-basis")
_MISSING = "none is recorded: goodhoster customers legal-basis set --basis T --tree PATH --source NAME"


@_group.command("list")
def list_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """List what each check, of a tree by a source, rests on; exits with 1 where one has nothing."""
    from goodhoster_agent.status.legal_basis import check_bases

    with open_services(config) as services:
        found = check_bases(services)
    for check in found:
        print_json(_as_object(check)) if as_json else print_line(_as_line(check))
    raise typer.Exit(FINE if all(check.state in {"holds", "ends-soon"} for check in found) else YES)


@_group.command("set")
def set_command(
    *,
    basis: Annotated[
        str, typer.Option("--basis", help="Article, clause of the contract, or order.", callback=required_reason)
    ],
    tree: Annotated[Path | None, typer.Option("--tree", help="A watched tree, or `doors`; default: every one.")] = None,
    source: Annotated[str, typer.Option("--source", help="A hash source; default: every one.")] = "*",
    until: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Its last day; default: none.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record the legal basis of a check; after its last day that source is asked no more."""
    from goodhoster.model.customers.legal_basis import ANY, DOORS, LegalBasis
    from goodhoster.model.uploads import display
    from goodhoster.ports.common import utc_now
    from goodhoster_agent.status.legal_basis import checked_trees

    with open_services(config) as services:
        trees = set(map(display, checked_trees(services)))
        sources = {one.name for one in services.sources}
        named = ANY if tree is None else DOORS if str(tree) == DOORS else str(tree.resolve())
        if named != ANY and named not in trees:
            raise typer.BadParameter("no watched tree; there are: " + ", ".join(sorted(trees)), param_hint="--tree")
        if source != ANY and source not in sources:
            raise typer.BadParameter("no hash source; there are: " + ", ".join(sorted(sources)), param_hint="--source")
        last_day: date | None = until.date() if until else None
        entry = LegalBasis(named, source, basis, current_user(), utc_now(), last_day)
        services.customers.legal_bases.decide(entry)
    told = {"tree": named, "source": source, "basis": basis, "until": last_day.isoformat() if last_day else None}
    print_json(told) if as_json else print_line(f"{named}  {source}  {_until(last_day)}  {basis}")


def _as_object(check: CheckBasis) -> dict[str, Any]:
    basis = check.basis
    return {
        "tree": check.tree,
        "source": check.source,
        "state": check.state,
        "basis": basis.basis if basis else None,
        "decided_by": basis.decided_by if basis else None,
        "decided_at": basis.decided_at.isoformat() if basis else None,
        "until": basis.until.isoformat() if basis and basis.until else None,
    }


def _as_line(check: CheckBasis) -> str:
    basis = check.basis
    told = f"{_until(basis.until)}  {basis.basis} (decided by {basis.decided_by})" if basis else _MISSING
    return f"{check.tree}  {check.source}  {check.state:<9}  {told}"


def _until(day: date | None) -> str:
    return f"until {day}" if day else "open end"
