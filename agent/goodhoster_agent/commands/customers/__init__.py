"""The command `goodhoster customers`; one file for each group of verbs."""

from __future__ import annotations

import typer

from goodhoster_agent.commands.customers import contacts, importing, register, vetting

app = typer.Typer(no_args_is_help=True, help="Import, list, show, vet and reach customers.")
for group in (importing, register, vetting, contacts):
    app.registered_commands += group.app.registered_commands
    app.registered_groups += group.app.registered_groups
