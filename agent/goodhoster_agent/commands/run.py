"""`goodhoster run`: the daemon."""

from __future__ import annotations

import typer

from goodhoster_agent.commands.options import ConfigOption, config_file
from goodhoster_agent.daemon_process import run

app = typer.Typer()


@app.command()
def run_command(config: ConfigOption = None) -> None:
    """Run the daemon in the foreground. SIGTERM stops it, SIGHUP reloads the configuration."""
    run(config_file(config))
