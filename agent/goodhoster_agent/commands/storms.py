"""`goodhoster storms …`: signs of a wrong list, and a person's decision about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster_agent.commands.cases import order_of, print_orders
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    ReasonOption,
    open_services,
    print_json,
)

if TYPE_CHECKING:
    from goodhoster.model.storms import Storm

app = typer.Typer(no_args_is_help=True, help="List, show, undo and release storms (what looks like a wrong list).")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the storm, as `storms list` shows it.")]


@app.command("list")
def list_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """List storms in force: open ones need a decision, undone ones hold until released."""
    with open_services(config) as services:
        for storm in services.brake.storms.braking():
            found = _as_object(storm) | {"held": services.brake.held_by(storm)}
            print_json(found) if as_json else print(_as_line(storm))


@app.command("show")
def show_command(storm_id: IdArgument, config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Show a storm, its parts and its cases."""
    with open_services(config) as services:
        brake = services.brake
        for storm in brake.whole(storm_id):
            found = _as_object(storm) | {"held": brake.held_by(storm), "cases": brake.cases_of(storm)}
            print_json(found) if as_json else print(_as_line(storm), *found["cases"], sep="\n  ")


@app.command("undo")
def undo_command(
    storm_id: IdArgument, *, reason: ReasonOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Put every file of a storm back. Its cause stays held everywhere until it is released."""
    with open_services(config) as services:
        print_orders("restored", services.toolkit.undo_storm(storm_id, order_of(reason)), as_json=as_json)


@app.command("release")
def release_command(
    storm_id: IdArgument, *, reason: ReasonOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """End a storm that is no wrong list: take offline what is held and still known."""
    with open_services(config) as services:
        print_orders("confirmed", services.toolkit.release_storm(storm_id, order_of(reason)), as_json=as_json)


def _as_object(storm: Storm) -> dict[str, Any]:
    return {
        "id": storm.id,
        "state": storm.state,
        "kind": storm.cause.kind,
        "about": storm.cause.about,
        "reason": storm.reason,
        "sources": list(storm.sources),
        "begun_at": storm.begun_at.isoformat(),
        "since": storm.begun_at.isoformat(),
        "until": None if storm.braking or storm.ended_at is None else storm.ended_at.isoformat(),
        "cause": {"kind": storm.cause.kind, "about": storm.cause.about},
        "taken": list(storm.measures),
        "measures": list(storm.measures),
        "part_of": storm.part_of or None,
        "actor": storm.actor,
        "told": storm.told,
    }


def _as_line(storm: Storm) -> str:
    return f"{storm.id}  {storm.state:<8}  {storm.begun_at:%Y-%m-%d %H:%M} UTC  {storm.reason}"
