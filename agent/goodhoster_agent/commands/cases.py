"""`goodhoster cases …`: matches, their outcome, and a person's decision about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goodhoster.errors import RefusedError
from goodhoster.model.cases import CaseState
from goodhoster_agent.case_objects import case_object
from goodhoster_agent.commands.options import (
    FINE,
    YES,
    ConfigOption,
    JsonOption,
    ReasonOption,
    open_services,
    print_json,
    whoever_types,
)

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.cases import Case, Order
    from goodhoster.model.digests import Digest
    from goodhoster.model.storms import StormState
    from goodhoster.model.verdicts import Match
    from goodhoster.toolkit import CaseOrders, Toolkit

app = typer.Typer(no_args_is_help=True, help="List, show, restore, confirm and cancel cases.")

_MOVED = "The directories are the right ones, although others than before: after a site or server was moved."
IdsArgument = Annotated[list[str] | None, typer.Argument(help="Case ids.", show_default=False)]
DigestOption = Annotated[str, typer.Option("--digest", help="All cases with this file content instead.")]
StateOption = Annotated[
    list[CaseState] | None, typer.Option("--state", help="Cases in this state.", show_default=False)
]
CustomerOption = Annotated[str | None, typer.Option("--customer", help="Cases of this customer.", show_default=False)]


@app.command("list")
def list_command(
    state: StateOption = None,
    customer: CustomerOption = None,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List cases, oldest first."""
    from goodhoster.ports import CaseQuery

    with open_services(config) as services:
        for case in services.case_store.find(CaseQuery(states=frozenset(state or ()), customer=customer)):
            print_json(case_object(case)) if as_json else print(_as_line(case))


@app.command("show")
def show_command(
    case_id: Annotated[str, typer.Argument(metavar="ID")], config: ConfigOption = None, *, as_json: JsonOption = False
) -> None:
    """Show one case in full."""
    with open_services(config) as services:
        case = services.case_store.get(case_id)
        told = _owners_told(services, case)
        print_json(case_object(case) | {"owners_told": told}) if as_json else print(_as_page(case, told))


@dataclass(frozen=True, slots=True)
class _Verb:
    """An order that a person can give, one of two."""

    name: str
    done: str
    """What has become of the cases, and the key in the JSON."""
    ruling: StormState
    """What an order by digest says of the content everywhere."""
    about: Callable[[Toolkit, Digest], list[str]]
    carry_out: Callable[[Toolkit, Sequence[str], Order], CaseOrders]


def _carry_out(
    config: Path | None, verb: _Verb, chosen: tuple[list[str] | None, str], order: Order, *, as_json: bool
) -> None:
    from goodhoster.model.digests import Digest

    ids, digest = chosen
    with open_services(config) as services:
        toolkit = services.toolkit
        about = _chosen(ids, digest, partial(verb.about, toolkit))
        if digest:
            toolkit.rule(Digest.parse(digest), verb.ruling, order)
        print_orders(verb.done, verb.carry_out(toolkit, about, order), as_json=as_json)


@app.command("restore")
def restore_command(
    ids: IdsArgument = None,
    *,
    digest: DigestOption = "",
    reason: ReasonOption,
    moved: Annotated[bool, typer.Option("--moved", help=_MOVED)] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put files back exactly as they were and overrule the match; --digest for a whole storm."""
    from goodhoster.model.storms import StormState
    from goodhoster.toolkit import Toolkit

    verb = _Verb("restore", "restored", StormState.UNDONE, Toolkit.restorable, Toolkit.restore)
    order = replace(order_of(reason), moved=moved)
    _carry_out(config, verb, (ids, digest), order, as_json=as_json)


@app.command("confirm")
def confirm_command(
    ids: IdsArgument = None,
    *,
    digest: DigestOption = "",
    reason: ReasonOption,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Act on held, failed, observed or restored cases, unless no source knows the file any more."""
    from goodhoster.model.storms import StormState
    from goodhoster.toolkit import Toolkit

    verb = _Verb("confirm", "confirmed", StormState.RELEASED, Toolkit.confirmable, Toolkit.confirm)
    _carry_out(config, verb, (ids, digest), order_of(reason), as_json=as_json)


@app.command("cancel")
def cancel_command(
    ids: Annotated[list[str], typer.Argument(help="Case ids.", show_default=False)],
    *,
    reason: ReasonOption,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel measures that are waiting, for example for a disk. The files stay where they are."""
    with open_services(config) as services:
        print_orders("cancelled", services.toolkit.cancel(ids, order_of(reason)), as_json=as_json)


def _chosen(ids: list[str] | None, digest: str, about: Callable[[Digest], list[str]]) -> list[str]:
    from goodhoster.model.digests import Digest

    if bool(ids) == bool(digest):
        raise RefusedError("say which cases: either their ids or --digest", hint="see: goodhoster cases list")
    if ids:
        return ids
    try:
        return about(Digest.parse(digest))
    except ValueError as error:
        raise RefusedError(str(error), hint="the digest stands in: goodhoster cases show ID") from error


def order_of(reason: str) -> Order:
    """The order of the person who types this."""
    from goodhoster.model.cases import Order

    return Order(whoever_types(), reason)


def print_orders(verb: str, orders: CaseOrders, *, as_json: bool) -> None:
    """Print the outcome of each order; exit code 1 when one was refused.

    It ends the command.
    """
    if as_json:
        refused = [{"id": case_id, "reason": why} for case_id, why in orders.refused]
        print_json({verb: list(orders.done), "refused": refused})
    else:
        for case_id in orders.done:
            print(f"{verb}  {case_id}")
        for case_id, why in orders.refused:
            print(f"refused   {case_id}: {why}")
        if not orders.done and not orders.refused:
            print("no case was affected")
    raise typer.Exit(YES if orders.refused else FINE)


def _as_line(case: Case) -> str:
    return f"{case.id}  {case.state:<9} {case.upload.customer:<16} {case.upload.place}  {case.reason}"


def _owners_told(services: Services, case: Case) -> dict[str, bool]:
    """Whether the owner was notified, by source that knows what is exempt here."""
    owed = services.owner_reports
    return {match.source: bool(owed.told_of(match)) for match in case.matches if match.exemption}


def _as_page(case: Case, told: dict[str, bool]) -> str:
    rows = [
        ("case", case.id),
        ("state", case.state),
        ("customer", case.upload.customer),
        ("attempt" if case.is_attempt else "path", str(case.upload.place)),
        ("opened", f"{case.opened_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("closed", f"{case.closed_at:%Y-%m-%d %H:%M:%S} UTC" if case.closed_at else "not yet"),
        ("why", case.reason),
        ("decided by", case.actor or "the house rules"),
        ("SHA-256", case.digests.sha256.hex()),
        *(("match", _match_text(match)) for match in case.matches),
        *(("owner", f"of {source}: {_TOLD[was_told]}") for source, was_told in told.items()),
        *(("measure", f"{m.kind}: {m.state}" + (f" ({m.detail})" if m.detail else "")) for m in case.measures),
    ]
    return "\n".join(f"{name:<11} {value}" for name, value in rows)


_TOLD = {True: "told that it knows what is exempt here", False: "not told: none is set for it, or mode observe"}


def _match_text(match: Match) -> str:
    exempt = f", exempt ({match.exemption})" if match.exemption else ""
    return f"{match.source} by {match.algorithm}, {match.category}, distance {match.distance}{exempt}"
