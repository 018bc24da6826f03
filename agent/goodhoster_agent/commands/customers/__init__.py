"""The command `goodhoster customers`; one file for each group of verbs."""

from __future__ import annotations

import typer

from goodhoster_agent.commands.customers import contacts, register

app = typer.Typer(no_args_is_help=True, help="List and show customers.")
for group in (register, contacts):
    app.registered_commands += group.app.registered_commands
    app.registered_groups += group.app.registered_groups
