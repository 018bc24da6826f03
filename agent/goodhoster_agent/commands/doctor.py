"""`goodhoster doctor`: check what this host lacks for a working set-up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    print_json,
    print_line,
    read_settings,
)
from goodhoster_agent.doctor.checks import examine

app = typer.Typer()


@app.command()
def doctor_command(
    config: ConfigOption = None,
    *,
    ask_outside: Annotated[
        bool, typer.Option("--ask-outside", help="Ask web, name and RDAP servers how others reach us, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check everything goodhoster needs on this host; exits with 1 if something is wrong.

    With 3 where nothing is wrong, but something could not be checked.
    """
    wrong = unchecked = False
    for finding in examine(read_settings(config), ask_outside=ask_outside):
        wrong = wrong or not (finding.ok or finding.unchecked)
        unchecked = unchecked or finding.unchecked
        if as_json:
            print_json(asdict(finding))
        else:
            sign = "UNKNOWN" if finding.unchecked else "ok     " if finding.ok else "PROBLEM"
            print_line(f"{sign} {finding.what}: {finding.detail}")
            if finding.hint:
                print_line(f"          {finding.hint}")
    raise typer.Exit(YES if wrong else UNCHECKED if unchecked else FINE)
