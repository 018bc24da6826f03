"""`goodhoster customers suspend`, `unsuspend` and `suspensions`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goodhoster.assembly.services import Services
from goodhoster.customers.suspension.desk import SuspensionOrder, SuspensionPreview
from goodhoster.customers.suspension.targets import FoundTarget, target_of
from goodhoster.errors import RefusedError
from goodhoster.model.customers.suspensions import Suspension, SuspensionState
from goodhoster.ports.panels import SuspensionQuery
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

WhoArgument = Annotated[
    str,
    typer.Argument(metavar="ID|SITE", help="A customer, the host of a site, or with --panel an account or network."),
]
PanelOption = Annotated[
    str | None, typer.Option("--panel", help="Name of the [[panel]] or [[billing]]; network for a network.")
]
PreviewOption = Annotated[bool, typer.Option("--preview", help="Show what would be done, and do nothing.")]
_UNCERTAIN = frozenset({SuspensionState.UNCONFIRMED, SuspensionState.INTENDED, SuspensionState.LIFTING})
_STATES = tuple(state.value for state in SuspensionState)


@app.command("suspend")
def suspend_command(
    who: WhoArgument,
    *,
    reason: ReasonOption,
    panel: PanelOption = None,
    preview: PreviewOption = False,
    confidential: Annotated[
        bool, typer.Option("--confidential", help="By an order that the customer must not learn of: it is not told.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Suspend a site, an account or a network, and report what was seen afterwards.

    The customer gets a statement of reasons with the reason as it is given here.
    """
    with open_services(config) as services:
        found = _target(services, who, panel)
        if preview:
            _print_preview(found, services.panels.desk.preview(found.panel, found.target), as_json=as_json)
            return
        if not services.panels.suspending[found.panel].proven:
            warn_of([f"the adapter of {found.panel} is experimental: look yourself whether it did what it says"])
        order = SuspensionOrder(found.panel, found.target, order_of(reason), found.customer, confidential)
        _conclude(services.panels.desk.suspend(order), as_json=as_json)


@app.command("unsuspend")
def unsuspend_command(
    who: Annotated[str, typer.Argument(metavar="ID|SITE", help="The suspension, or the customer or site under it.")],
    *,
    reason: ReasonOption,
    panel: PanelOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lift a suspension: exactly what was suspended before it stays suspended."""
    with open_services(config) as services:
        found = _standing(services, who, panel)
        _conclude(services.panels.desk.lift(found.id, order_of(reason)), as_json=as_json)


def _states(values: list[str]) -> list[str]:
    for value in values:
        if value not in _STATES:
            raise typer.BadParameter("one of " + ", ".join(_STATES))
    return values


@app.command("suspensions")
def suspensions_command(
    *,
    state: Annotated[
        list[str], typer.Option("--state", help="Only these: " + ", ".join(_STATES) + ".", callback=_states)
    ] = [],  # noqa: B006 - Typer reads it
    customer: Annotated[str | None, typer.Option("--customer", help="Only of this customer.")] = None,
    panel: PanelOption = None,
    suspension_id: Annotated[str | None, typer.Option("--id", help="Only this one.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List suspensions; without a filter those that are not lifted."""
    with open_services(config) as services:
        if not services.customers.in_use:
            return
        if suspension_id is not None:
            _print(services.panels.store.get(services.panels.store.complete(suspension_id)), as_json=as_json)
            return
        wanted = frozenset(map(SuspensionState, state)) or frozenset(SuspensionState) - {SuspensionState.LIFTED}
        for found in services.panels.store.find(SuspensionQuery(wanted, customer, panel)):
            _print(found, as_json=as_json)


def _target(services: Services, who: str, panel: str | None) -> FoundTarget:
    known = services.panels.suspending
    if panel is not None and panel not in known:
        hint = f"known are: {', '.join(known)}" if known else "add a [[panel]] section"
        raise RefusedError(f"there is no panel called {panel}", hint=hint)
    # A billing system's number of a customer is none of its services: those are named by --panel and their own number.
    return target_of(who, services.customers.register, services.panels.panels, panel)


def _standing(services: Services, who: str, panel: str | None) -> Suspension:
    """The suspension of that id, or the only one that stands over what is named."""
    try:
        return services.panels.store.get(services.panels.store.complete(who))
    except RefusedError as error:
        if error.ambiguous:
            raise
        target = _target(services, who, panel)
    states = frozenset(SuspensionState) - {SuspensionState.LIFTED, SuspensionState.FAILED}
    found = services.panels.store.find(SuspensionQuery(states, panel=target.panel, account=target.target.account))
    same = [one for one in found if one.target == target.target]
    if not same:
        raise RefusedError(f"{target.target} is under no suspension of ours", hint="goodhoster customers suspensions")
    return same[-1]


def _conclude(suspension: Suspension, *, as_json: bool) -> None:
    """Print it, and end with 0 where it was seen, 1 where it falls short, 3 where unseen."""
    _print(suspension, as_json=as_json)
    code = YES if suspension.state.needs_person else UNCHECKED if suspension.state in _UNCERTAIN else FINE
    raise typer.Exit(code)


def _print(suspension: Suspension, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_object(suspension))
        return
    opened = f"{suspension.opened_at.astimezone():%Y-%m-%d %H:%M %Z}"
    print_line(f"{suspension.id}  {suspension.state:<15}  {opened}  {suspension.target} on {suspension.panel}")
    print_line(f"  {suspension.reason} ({suspension.actor}); {suspension.detail}")


def _as_object(suspension: Suspension) -> dict[str, Any]:
    return {
        "id": suspension.id,
        "state": suspension.state.value,
        "panel": suspension.panel,
        "account": suspension.target.account,
        "host": suspension.target.host or None,
        "customer": suspension.customer or None,
        "reason": suspension.reason,
        "actor": suspension.actor,
        "detail": suspension.detail,
        "confidential": suspension.confidential,
        "suspended_before": list(suspension.before.hosts),
        "account_suspended_before": suspension.before.account,
        "opened_at": suspension.opened_at.isoformat(),
        "seen_at": suspension.seen_at.isoformat() if suspension.seen_at else None,
        "check_at": suspension.check_at.isoformat() if suspension.check_at else None,
        "closed_at": suspension.closed_at.isoformat() if suspension.closed_at else None,
    }


def _print_preview(found: FoundTarget, preview: SuspensionPreview, *, as_json: bool) -> None:
    shown = {
        "panel": found.panel,
        "account": found.target.account,
        "host": found.target.host or None,
        "customer": found.customer or None,
        "sites": [site.host for site in preview.account.sites],
        "account_suspended_before": preview.account.suspended,
        "suspended_before": list(preview.suspended_before),
        "refused": preview.refusal or None,
        "experimental": preview.experimental,
    }
    if as_json:
        print_json(shown)
    else:
        print_line(
            f"would suspend {found.target} on {found.panel}" if not preview.refusal else f"refused: {preview.refusal}"
        )
        print_line(f"  sites            {', '.join(shown['sites']) or 'none'}")  # type: ignore[arg-type]
        print_line(f"  suspended before {', '.join(preview.suspended_before) or 'none'}")
        if preview.experimental:
            print("  the adapter is experimental: it was never tried against the real panel")
    raise typer.Exit(YES if preview.refusal else FINE)
