"""`goodhoster storms …`: signs of a wrong list, and a person's decision about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster.model.cases import CaseState
from goodhoster.model.storms import StormState
from goodhoster.model.uploads import visible
from goodhoster_agent.commands.cases import order_of, print_cases, print_orders
from goodhoster_agent.commands.listing import (
    Column,
    CsvOption,
    LimitOption,
    SinceOption,
    UntilOption,
    local_time,
    print_list,
)
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    OptionalReasonOption,
    open_services,
    print_json,
    print_line,
    required_reason,
    warn_of,
)

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.cases import Case
    from goodhoster.model.storms import Storm

app = typer.Typer(no_args_is_help=True, help="List, show, undo and release storms (what looks like a wrong list).")

PreviewOption = Annotated[bool, typer.Option("--preview", help="List the cases; change nothing.")]
StateOption = Annotated[
    list[StormState] | None,
    typer.Option("--state", help="Storms in this state; default: those in force.", show_default=False),
]
_IN_FORCE = (StormState.OPEN, StormState.UNDONE)
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the storm, as `storms list` shows it.")]


@app.command("list")
def list_command(
    state: StateOption = None,
    customer: Annotated[str | None, typer.Option("--customer", help="With a file of this customer.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="With a match of this hash source.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    config: ConfigOption = None,
    *,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """List storms in force: open ones need a decision, undone ones hold until released.

    Example: goodhoster storms list --state released --since 7d
    """
    with open_services(config) as services:
        brake = services.brake
        found = [
            storm
            for storm in brake.storms.leading(frozenset(state or _IN_FORCE))
            if _within(storm, since, until)
            and source in {None, *storm.sources}
            and (customer is None or _is_about(services, storm, customer))
        ][-(limit or 0) :]
        held = {storm.id: brake.held_by(storm) for storm in found}

        def as_object(storm: Storm) -> dict[str, Any]:
            return _as_object(storm) | {"held": held[storm.id]}

        columns = (*_COLUMNS[:-1], Column("HELD", lambda storm: str(len(held[storm.id]))), _COLUMNS[-1])
        print_list(found, columns, as_object, as_json=as_json, as_csv=as_csv)


@app.command("show")
def show_command(storm_id: IdArgument, config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Show a storm, its parts and its cases."""
    with open_services(config) as services:
        brake = services.brake
        for storm in brake.whole(services.brake.storms.complete(storm_id)):
            found = _as_object(storm) | {"held": brake.held_by(storm), "cases": brake.cases_of(storm)}
            print_json(found) if as_json else _print_page(storm, services.case_store.get_all(found["cases"]))


@app.command("undo")
def undo_command(
    storm_id: IdArgument,
    *,
    reason: OptionalReasonOption = "",
    preview: PreviewOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put every file of a storm back. Its cause stays held everywhere until it is released."""
    with open_services(config) as services:
        whole = services.brake.storms.complete(storm_id)
        if preview:
            print_cases(services, services.toolkit.cases_of_decision(whole, StormState.UNDONE), as_json=as_json)
            return
        undone_already = all(storm.state == "undone" for storm in services.brake.whole(whole))
        orders = services.toolkit.undo_storm(whole, order_of(required_reason(reason)))
        if undone_already and not (orders.done or orders.refused or orders.unrecorded):
            warn_of([f"storm {whole} was undone already: nothing is left to put back"])
        print_orders("restored", orders, as_json=as_json)


@app.command("release")
def release_command(
    storm_id: IdArgument,
    *,
    reason: OptionalReasonOption = "",
    preview: PreviewOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Confirm that the list is right: take offline what the storm held, and end it."""
    with open_services(config) as services:
        whole = services.brake.storms.complete(storm_id)
        if preview:
            print_cases(services, services.toolkit.cases_of_decision(whole, StormState.RELEASED), as_json=as_json)
            return
        parts = services.brake.whole(whole)  # each leads its own, once they are decided
        orders = services.toolkit.release_storm(whole, order_of(required_reason(reason)))
        if stay := _restored(services, parts):
            where = f"goodhoster storms show {whole} names them"
            again = "goodhoster cases confirm ID --reason WHY takes one offline again"
            warn_of([f"{stay} cases of it were restored by a person and their files stay online: {where}; {again}"])
        print_orders("confirmed", orders, as_json=as_json)


def _restored(services: Services, parts: Sequence[Storm]) -> int:
    """How many cases of these storms a person restored, so that a release says nothing of them."""
    ids = dict.fromkeys(case_id for part in parts for case_id in services.brake.cases_of(part))
    return sum(case.state is CaseState.RESTORED for case in services.case_store.get_all(list(ids)))


def _as_object(storm: Storm) -> dict[str, Any]:
    return {
        "id": storm.id,
        "state": storm.state,
        "reason": storm.reason,
        "sources": list(storm.sources),
        "since": storm.started_at.isoformat(),
        "until": None if storm.braking or storm.decided_at is None else storm.decided_at.isoformat(),
        "cause": {"kind": storm.cause.kind, "about": storm.cause.about},
        "taken": list(storm.measures),
        "part_of": storm.part_of or None,
        "actor": storm.actor,
        "alert_delivered": storm.alert_delivered,
    }


def _within(storm: Storm, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or storm.started_at >= since) and (until is None or storm.started_at < until)


def _is_about(services: Services, storm: Storm, customer: str) -> bool:
    """Whether the storm, or one that is part of it, is made of or held a file of this customer."""
    for part in services.brake.whole(storm.id):
        cases = services.case_store.get_all(services.brake.cases_of(part))
        if part.cause.about == customer or any(customer in {each.customer for each in case.uploads} for case in cases):
            return True
    return False


def _print_page(storm: Storm, cases: Sequence[Case]) -> None:
    """Print a storm with its cases: which file of whom, and what became of it."""
    print_line(f"{storm.id}  {storm.state}  since {local_time(storm.started_at)}  {visible(storm.reason)}")
    for case in cases:
        print_line(visible(f"  {case.id}  {case.state:<9}  {case.upload.customer:<16}  {case.upload.place}"))


_COLUMNS: tuple[Column[Storm], ...] = (
    Column("ID", lambda storm: storm.id),
    Column("STATE", lambda storm: storm.state),
    Column("SINCE", lambda storm: local_time(storm.started_at)),
    Column("CAUSE", lambda storm: f"{storm.cause.kind} {storm.cause.about}"),
    Column("WHY", lambda storm: storm.reason),
)
