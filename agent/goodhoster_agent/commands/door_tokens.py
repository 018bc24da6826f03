"""`goodhoster doors token …`: the tokens of applications that use the HTTP door."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from goodhoster.assembly.state import audit_log
from goodhoster.errors import RefusedError
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    OptionalReasonOption,
    note_order,
    open_services,
    print_json,
    print_line,
    read_settings,
)
from goodhoster_agent.doors.api.tokens import Scope, add_token, read_tokens, revoke_token, tokens_file

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services

app = typer.Typer(no_args_is_help=True, help="Manage the tokens of applications that use the HTTP door.")

NameArgument = Annotated[str, typer.Argument(help="Name of the token: letters, digits, dots, dashes.")]


@app.command("add")
def add_command(
    name: NameArgument,
    scope: Annotated[
        list[Scope] | None,
        typer.Option("--scope", help="What it may do. Default: check, may and outcome.", show_default=False),
    ] = None,
    customer: Annotated[
        str, typer.Option("--customer", help="The one customer it is valid for.", show_default=False)
    ] = "",
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Create a token. Its secret is printed once and not stored."""
    scopes = scope or [Scope.CHECK, Scope.MAY, Scope.OUTCOME]
    with open_services(config) as services:
        customer = customer and _customer_of(services, customer)
        note_order(services.audit, "doors token add", reason, token=name, scopes=", ".join(scopes), customer=customer)
        secret = add_token(tokens_file(services.state_dir), name, scopes, customer)
    print_json({"name": name, "token": secret, "scopes": scopes, "customer": customer}) if as_json else print_line(
        secret
    )


def _customer_of(services: Services, customer: str) -> str:
    """The id of a customer of the register; any that it would take where there is none."""
    from goodhoster.customers.importing.rows import RowError
    from goodhoster.customers.importing.values import customer_id

    if services.customers.in_use:
        return services.customers.register.resolve(customer)
    try:
        return customer_id("customer", customer)
    except RowError as error:
        raise RefusedError(error.why, hint=error.hint) from None


@app.command("list")
def list_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """List the tokens, without their secrets."""
    for token in read_tokens(tokens_file(read_settings(config).state_dir)).values():
        line = {"name": token.name, "scopes": token.scopes, "customer": token.customer, "added_at": token.added_at}
        whose = f"  customer {token.customer}" if token.customer else ""
        print_json(line) if as_json else print_line(f"{token.added_at}  {token.name}  {', '.join(token.scopes)}{whose}")


@app.command("revoke")
def revoke_command(
    name: NameArgument, reason: OptionalReasonOption = "", config: ConfigOption = None, *, as_json: JsonOption = False
) -> None:
    """Remove a token. The running service follows within a second."""
    settings = read_settings(config)
    with closing(audit_log(settings)) as log:
        note_order(log, "doors token revoke", reason, token=name)
    revoke_token(tokens_file(settings.state_dir), name)
    print_json({"name": name, "revoked": True}) if as_json else print_line(f"{name} is revoked")
