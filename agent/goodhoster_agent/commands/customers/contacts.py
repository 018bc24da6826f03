"""`goodhoster customers verify-contact` and `drill`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster.errors import PassingError, RefusedError
from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    current_user,
    open_services,
    print_json,
    print_line,
    warn_of,
)

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.customers.contact_requests import ContactRequest, ContactStatus

app = typer.Typer()
CustomerArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the customer.")]


@app.command("verify-contact")
def verify_contact_command(
    customer_id: CustomerArgument,
    *,
    phone: Annotated[bool, typer.Option("--phone", help="Have a code read out by telephone.")] = False,
    code: Annotated[str, typer.Option("--code", help="The code that was read out.", show_default=False)] = "",
    show: Annotated[bool, typer.Option("--show", help="Only print how the contact stands.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a customer's contact to prove that it is read.

    Exits with 1 if it is invalid, 3 while it is unproven.
    """
    from goodhoster.model.customers.contact_requests import ContactState, RequestKind

    with open_services(config) as services:
        customer, desk = services.customers.register.resolve(customer_id), services.customers.contacts
        if code:
            desk.enter_code(customer, code)
        elif phone:
            desk.call(customer, current_user())
        elif not show:
            _expect_mailer(services)
            desk.ask(customer, RequestKind.VERIFY, current_user())
        status = desk.status(customer)
        requests = desk.requests(customer)
    if as_json:
        print_json({"id": customer, "contact": contact_object(status), "requests": list(map(_object, requests))})
    else:
        print_line(_line(customer, status))
        for request in requests if show else requests[-1:]:
            print_line(_request_line(request))
    proven = status.phone_verified_at is not None if code or phone else status.state is ContactState.VERIFIED
    invalid = status.state in {ContactState.INVALID, ContactState.NONE}
    raise typer.Exit(FINE if proven else YES if invalid else UNCHECKED)


@app.command("drill")
def drill_command(
    customer_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", show_default=False)] = None,
    *,
    everybody: Annotated[
        bool, typer.Option("--all", help="All customers that are due, at most [contacts] drills_a_day in a day.")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Print who would be written to; write to nobody.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test notice with a deadline to customers' contacts, and count who answers."""
    from goodhoster.model.customers.contact_requests import RequestKind

    if bool(customer_ids) is everybody:
        raise typer.BadParameter("name customers, or give --all")
    with open_services(config) as services:
        desk, register = services.customers.contacts, services.customers.register
        chosen = desk.drills_due() if everybody else [register.resolve(one) for one in customer_ids or ()]
        if not preview:
            _expect_mailer(services)
        refused: list[str] = []
        for customer in dict.fromkeys(chosen):
            if preview:
                _print_preview(customer, desk.status(customer), as_json=as_json)
                continue
            try:
                request = desk.ask(customer, RequestKind.DRILL, current_user())
            except (RefusedError, PassingError) as error:
                refused.append(f"{customer}: {error}; {error.hint}")
                continue
            print_json(_object(request)) if as_json else print_line(_request_line(request))
    warn_of(refused)
    raise typer.Exit(YES if refused else FINE)


def contact_object(status: ContactStatus) -> dict[str, Any]:
    """The value of `contact` in `customers show --json`."""
    return {
        "state": status.state.value,
        "verified_at": status.verified_at.isoformat() if status.verified_at else None,
        "valid_until": status.valid_until.isoformat() if status.valid_until else None,
        "why": status.why,
        "phone_verified_at": status.phone_verified_at.isoformat() if status.phone_verified_at else None,
        "silent_drills": status.silent_drills,
    }


def _expect_mailer(services: Services) -> None:
    """RefusedError where the letter would never leave."""
    if services.settings.smtp is None:
        raise RefusedError("no mail server is set, so no letter would be sent", hint="see [smtp]")


def _object(request: ContactRequest) -> dict[str, Any]:
    times = ("asked_at", "deadline", "answered_at", "failed_at", "auto_replied_at", "reminded_at", "silent_at")
    moments = {name: getattr(request, name) for name in times}
    return {
        "id": request.id,
        "kind": request.kind.value,
        "customer": request.customer,
        "state": _state(request),
        "answered_by": request.answered_by.value if request.answered_by else None,
        "failure": request.failure or None,
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }


def _state(request: ContactRequest) -> str:
    if request.answered_at:
        return "answered" if request.in_time else "answered-late"
    return "failed" if request.failed_at else "silent" if request.silent_at else "waiting"


def _request_line(request: ContactRequest) -> str:
    by = f" by {request.answered_by.value}" if request.answered_by else ""
    auto = " (a machine answered, which proves nothing)" if request.auto_replied_at and not request.answered_at else ""
    why = f": {request.failure}" if request.failure else ""
    return f"{request.id}  {request.kind:<6}  {request.customer:<16}  {_state(request)}{by}{why}{auto}"


def _line(customer: str, status: ContactStatus) -> str:
    until = f" until {status.valid_until:%Y-%m-%d}" if status.valid_until else ""
    return f"{customer}  contact {status.state}{until}{f': {status.why}' if status.why else ''}"


def _print_preview(customer: str, status: ContactStatus, *, as_json: bool) -> None:
    print_json({"customer": customer, "contact": contact_object(status)}) if as_json else print_line(
        _line(customer, status)
    )
