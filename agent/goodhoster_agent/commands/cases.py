"""`goodhoster cases …`: matches, their outcome, and a person's decision about them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from goodhoster.errors import RefusedError
from goodhoster.model.cases import MEASURING, Case
from goodhoster.model.uploads import visible
from goodhoster_agent.case_objects import case_object
from goodhoster_agent.commands.case_selection import CaseFilter, Selection, with_options
from goodhoster_agent.commands.casework import (
    MineOption,
    add_casework,
    assigned,
    casework_object,
    casework_objects,
    casework_rows,
)
from goodhoster_agent.commands.listing import (
    Column,
    CsvOption,
    local_time,
    print_list,
)
from goodhoster_agent.commands.options import (
    FINE,
    YES,
    ConfigOption,
    JsonOption,
    OptionalReasonOption,
    current_user,
    open_services,
    print_json,
    print_line,
    required_reason,
)
from goodhoster_agent.commands.purges import purge_object, purge_text

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.cases import Order
    from goodhoster.model.verdicts import Match
    from goodhoster.toolkit import CaseOrders

app = typer.Typer(
    no_args_is_help=True, help="List, show, restore, confirm and cancel cases; note, take and hand them on."
)

_MOVED = "The directories are the right ones, although others than before: after a site or server was moved."


@app.command("list")
@with_options(CaseFilter)
def list_command(
    *,
    cases: CaseFilter,
    mine: MineOption = False,
    config: ConfigOption = None,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """List cases, oldest first.

    Example: goodhoster cases list --state held --since 7d
    """
    with open_services(config) as services:
        taken, more = assigned(services), casework_objects(services)
        found = replace(cases, limit=None).find(services) if mine else cases.find(services)
        if mine:
            found = [case for case in found if taken.get(case.id) == current_user()][-(cases.limit or 0) :]
        columns = (*_COLUMNS[:-1], Column("TAKEN BY", lambda case: taken.get(case.id, "")), _COLUMNS[-1])
        print_list(
            found,
            columns,
            lambda case: case_object(case) | more(case.id),
            as_json=as_json,
            as_csv=as_csv,
        )


@app.command("show")
def show_command(
    case_id: Annotated[str, typer.Argument(metavar="ID")], config: ConfigOption = None, *, as_json: JsonOption = False
) -> None:
    """Show one case in full."""
    with open_services(config) as services:
        case = services.case_store.get(services.case_store.complete(case_id))
        told = _owners_notified(services, case)
        purges = services.notices.purges.of([case.id]) if services.notices.purges else ()
        if as_json:
            more = {"owners_notified": told, "purges": [purge_object(one) for one in purges]}
            print_json(case_object(case) | casework_object(services, case.id) | more)
        else:
            rows = [*(("cache", purge_text(one)) for one in purges), *casework_rows(services, case.id)]
            print("\n".join([_as_page(case, told), *(f"{name:<11} {visible(value)}" for name, value in rows)]))


@app.command("restore")
@with_options(Selection)
def restore_command(
    *,
    cases: Selection,
    reason: OptionalReasonOption = "",
    moved: Annotated[bool, typer.Option("--moved", help=_MOVED)] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put files back exactly as they were and overrule the match; --digest for a whole storm."""
    from goodhoster.model.storms import StormState
    from goodhoster.toolkit import RESTORABLE

    with open_services(config) as services:
        about = cases.about(services, RESTORABLE)
        if cases.preview:
            print_cases(services, about, as_json=as_json)
            return
        order = replace(order_of(required_reason(reason)), moved=moved)
        if cases.digest:
            services.toolkit.rule(cases.content, StormState.UNDONE, order)
        print_orders("restored", services.toolkit.restore(about, order), as_json=as_json)


@app.command("confirm")
@with_options(Selection)
def confirm_command(
    *,
    cases: Selection,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Act on held, failed, observed or restored cases, unless no source knows the file any more."""
    from goodhoster.model.storms import StormState
    from goodhoster.toolkit import CONFIRMABLE

    with open_services(config) as services:
        about = cases.about(services, CONFIRMABLE)
        if cases.preview:
            print_cases(services, about, as_json=as_json)
            return
        order = order_of(required_reason(reason))
        if cases.digest:
            services.toolkit.rule(cases.content, StormState.RELEASED, order)
        orders = services.toolkit.confirm(about, order)
        _reconsider_notices(services, about)
        print_orders("confirmed", orders, as_json=as_json)


@app.command("cancel")
@with_options(Selection)
def cancel_command(
    *,
    cases: Selection,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel measures that are waiting, for example for a disk. The files stay where they are."""
    with open_services(config) as services:
        about = cases.about(services, MEASURING)
        if cases.preview:
            print_cases(services, about, as_json=as_json)
            return
        print_orders("cancelled", services.toolkit.cancel(about, order_of(required_reason(reason))), as_json=as_json)


add_casework(app, "case")


def _reconsider_notices(services: Services, case_ids: Sequence[str]) -> None:
    """Have the notices of these cases looked after: a dismissed one must not say that they stay."""
    for notice_id in {case.notice for case in services.case_store.get_all(case_ids)} - {""}:
        with suppress(RefusedError):  # its record was lost
            services.notices.desk.reconsider(notice_id)


def print_cases(services: Services, case_ids: Sequence[str], *, as_json: bool) -> None:
    """Print the cases that an order would be about."""
    print_list(services.case_store.get_all(case_ids), _COLUMNS, case_object, as_json=as_json, as_csv=False)


def order_of(reason: str) -> Order:
    """The order of the person who types this."""
    from goodhoster.model.cases import Order

    return Order(current_user(), reason)


def print_orders(verb: str, orders: CaseOrders, *, as_json: bool) -> None:
    """Print the outcome of each order; exit code 1 unless each is done and recorded.

    It ends the command.
    """
    if as_json:
        refused = [{"id": case_id, "why": why, "reason": why} for case_id, why in orders.refused]
        unrecorded = [{"id": case_id, "seen": seen} for case_id, seen in orders.unrecorded]
        print_json({verb: list(orders.done), "refused": refused, "unrecorded": unrecorded})
    else:
        for case_id in orders.done:
            print_line(f"{verb}  {case_id}")
        for case_id, why in orders.refused:
            print_line(f"refused   {case_id}: {why}")
        for case_id, seen in orders.unrecorded:
            print_line(f"unrecorded  {case_id}: {seen}; make room, then run the command again")
        if not (orders.done or orders.refused or orders.unrecorded):
            print("no case was affected")
    raise typer.Exit(YES if orders.refused or orders.unrecorded else FINE)


_COLUMNS: tuple[Column[Case], ...] = (
    Column("ID", lambda case: case.id),
    Column("STATE", lambda case: case.state),
    Column("OPENED", lambda case: local_time(case.opened_at)),
    Column("CUSTOMER", lambda case: case.upload.customer),
    Column("VERDICT", lambda case: case.verdict or "named"),
    Column("FILE", lambda case: str(case.upload.place)),
    Column("WHY", lambda case: case.reason),
)


def _owners_notified(services: Services, case: Case) -> dict[str, bool]:
    """Whether the owner was notified, by source that knows what is exempt here."""
    owed = services.owner_reports
    return {match.source: bool(owed.was_sent(match)) for match in case.matches if match.exemption}


def _as_page(case: Case, told: dict[str, bool]) -> str:
    rows = [
        ("case", case.id),
        ("state", case.state),
        ("customer", case.upload.customer),
        ("attempt" if case.is_attempt else "path", str(case.upload.place)),
        ("opened", local_time(case.opened_at)),
        ("closed", local_time(case.closed_at, "not yet")),
        ("why", case.reason),
        *([("notice", case.notice)] if case.notice else []),
        ("decided by", case.actor or "the house rules"),
        ("SHA-256", case.digests.sha256.hex()),
        *(("match", _match_text(match)) for match in case.matches),
        *(("answered", str(answer)) for answer in case.answered),
        *(("owner", f"of {source}: {_TOLD[was_told]}") for source, was_told in told.items()),
        *(("measure", f"{m.kind}: {m.state}" + (f" ({m.detail})" if m.detail else "")) for m in case.measures),
    ]
    return "\n".join(visible(f"{name:<11} {value}") for name, value in rows)


_TOLD = {True: "told that it knows what is exempt here", False: "not told: none is set for it, or mode observe"}


def _match_text(match: Match) -> str:
    exempt = f", exempt ({match.exemption})" if match.exemption else ""
    return f"{match.source} by {match.algorithm}, {match.category}, distance {match.distance}{exempt}"
