"""`goodhoster metrics`: figures for Prometheus."""

from __future__ import annotations

import typer

from goodhoster_agent.commands.options import ConfigOption, open_services

app = typer.Typer()


@app.command()
def metrics_command(config: ConfigOption = None) -> None:
    """Print figures for Prometheus; the daemon writes them to [metrics] file by itself."""
    from goodhoster_agent.status.metrics import metrics_text

    with open_services(config) as services:
        print(metrics_text(services), end="")
