"""The command `goodhoster`: puts the groups of commands together, and turns errors into words and exit codes.

Exit codes: 0 fine, 1 the answer is "known", "not whole" or "falls short", 2 wrong use or configuration, 3 unchecked.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from goodhoster.assembly import make_state_dir, relay_sources
from goodhoster.errors import GoodhosterError, SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster_agent.commands import (
    audit,
    cases,
    check,
    config,
    demo,
    doctor,
    hashlist,
    hashservice,
    notices,
    run,
    scan,
    status,
)
from goodhoster_agent.commands.options import UNCHECKED, WRONG, read_settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The good hoster: finds known material in uploads by hash, takes it offline reversibly, and proves it.",
)


def _hash_service(config_file: Path | None) -> hashservice.HashServiceSetup:
    settings = read_settings(config_file)
    return hashservice.HashServiceSetup(
        state_dir=make_state_dir(settings.state_dir),
        listen=settings.hash_service.listen,
        open_sources=lambda: relay_sources(settings),
    )


app.command("run")(run.run_command)
app.command("demo")(demo.demo_command)
app.command("check")(check.check_command)
app.command("scan")(scan.scan_command)
app.command("status")(status.status_command)
app.add_typer(cases.app, name="cases")
app.add_typer(notices.app, name="notices")
app.add_typer(audit.app, name="audit")
app.add_typer(hashlist.app, name="hashlist")
app.add_typer(hashservice.make_app(_hash_service), name="hashservice")
app.add_typer(config.app, name="config")
app.command("doctor")(doctor.doctor_command)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if asked:
        print(f"goodhoster {version('goodhoster')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""


def main() -> None:
    """What the script `goodhoster` calls. Ends the process."""
    try:
        app()
    except GoodhosterError as error:
        _say(error)
        sys.exit(
            UNCHECKED if isinstance(error, (SourceUnavailableError, SourceRefusedError, UncheckedError)) else WRONG
        )
    except KeyboardInterrupt:
        sys.exit(130)  # what a shell says of a process that SIGINT ended
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left: no second complaint at exit
        sys.exit(WRONG)


def _say(error: GoodhosterError) -> None:
    print(f"goodhoster: {error}", file=sys.stderr)
    if error.hint:
        print(f"            {error.hint}", file=sys.stderr)
