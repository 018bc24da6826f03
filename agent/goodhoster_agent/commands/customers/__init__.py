"""The command `goodhoster customers`; one file for each group of verbs."""

from __future__ import annotations

import typer

from goodhoster_agent.commands.customers import appeals, gates, register, standing

app = typer.Typer(no_args_is_help=True, help="Know customers: list and show, gates, standing, appeals.")
for group in (register, gates, standing, appeals):
    app.registered_commands += group.app.registered_commands
    app.registered_groups += group.app.registered_groups
