"""`goodhoster doctor`: check what this host lacks for a working set-up."""

from __future__ import annotations

from dataclasses import asdict

import typer

from goodhoster_agent.commands.options import FINE, YES, ConfigOption, JsonOption, print_json, read_settings
from goodhoster_agent.doctor.checks import examine

app = typer.Typer()


@app.command()
def doctor_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Check everything goodhoster needs on this host; exits with 1 if something is wrong."""
    well = True
    for finding in examine(read_settings(config)):
        well = well and finding.ok
        if as_json:
            print_json(asdict(finding))
        else:
            print(f"{'ok     ' if finding.ok else 'PROBLEM'} {finding.what}: {finding.detail}")
            if finding.hint:
                print(f"          {finding.hint}")
    raise typer.Exit(FINE if well else YES)
