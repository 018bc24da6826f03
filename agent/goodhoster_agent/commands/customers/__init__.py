"""The command `goodhoster customers`; one file for each group of verbs."""

from __future__ import annotations

import typer

from goodhoster_agent.commands.customers import (
    appeals,
    contacts,
    gates,
    importing,
    legal_basis,
    personal_data,
    register,
    screening,
    standing,
    suspensions,
    vetting,
)

app = typer.Typer(no_args_is_help=True, help="The register of customers, and what is known of each.")
for group in (
    importing,
    register,
    vetting,
    screening,
    contacts,
    gates,
    standing,
    suspensions,
    appeals,
    legal_basis,
    personal_data,
):
    app.registered_commands += group.app.registered_commands
    app.registered_groups += group.app.registered_groups
