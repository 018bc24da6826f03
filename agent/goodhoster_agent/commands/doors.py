"""`goodhoster doors …`: the doors at which applications ask before they store an upload."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from goodhoster.assembly.services import Services
from goodhoster.errors import ConfigurationError
from goodhoster.linux.kernel import expect_openat2
from goodhoster.linux.privileges import set_process_name
from goodhoster.settings import Settings
from goodhoster_agent.commands import door_tokens
from goodhoster_agent.commands.options import ConfigOption, JsonOption, print_json, read_settings, warn_of
from goodhoster_agent.doors.clamd.door import ClamdDoor, ClamdDoorParts
from goodhoster_agent.doors.icap.door import IcapDoor, IcapDoorParts
from goodhoster_agent.doors.process import Door, serve
from goodhoster_agent.hashing.sandboxed_services import sandboxed_services
from goodhoster_agent.privileged.opener.client import Opener
from goodhoster_agent.privileged.starter.dropping import give_up
from goodhoster_agent.privileged.starter.plan import DaemonTerms
from goodhoster_agent.systemd_service import log_to_service, notify_systemd

app = typer.Typer(no_args_is_help=True, help="The doors at which applications ask before they store an upload.")
app.add_typer(door_tokens.app, name="token")


@app.command("serve")
def serve_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Serve every configured door until SIGTERM.

    Prints `ready` and the address of each when they listen. A process apart from the daemon: it gives up every
    privilege, and writes in the state directory only.
    """
    set_process_name("gh-doors")
    expect_openat2()
    settings = read_settings(config)
    log_to_service()
    with sandboxed_services(settings) as services, ExitStack() as stack:
        doors = _doors(settings, services, stack)
        if not doors:
            raise ConfigurationError(
                "no door is configured",
                hint="add a [[clamd_door]], [[icap_door]] or [api]: see docs/how-to-applications.md",
            )
        terms = DaemonTerms(capabilities=frozenset(), writable=_writable(settings), commands=frozenset())

        def on_ready(addresses: Sequence[str]) -> None:
            warn_of(give_up(terms, services.state_dir))
            notify_systemd("READY=1")
            for address in addresses:
                print_json({"ready": True, "address": address}) if as_json else print(f"ready {address}", flush=True)

        serve(doors, on_ready)


@app.command("ask", context_settings={"ignore_unknown_options": True, "help_option_names": []})
def ask_command(arguments: Annotated[list[str], typer.Argument(metavar="[OPTIONS] FILE…")]) -> None:
    """Ask the running doors about files before they are stored; the exit code is the answer.

    0 each may be stored, 1 one is refused, 2 wrong use, 3 one could not be checked. Needs [api] and a token in
    GOODHOSTER_API_TOKEN or --token-file; `goodhoster doors ask --help` tells the other options. It reads no
    configuration and starts in a twentieth of a second: for programs that run a command for each upload.
    """
    from goodhoster.client.__main__ import main

    raise typer.Exit(main(arguments, "goodhoster doors ask"))


def _doors(settings: Settings, services: Services, stack: ExitStack) -> list[Door]:
    """Every door that the configuration describes."""
    return [
        *_clamd_doors(settings, services, stack),
        *_icap_doors(settings, services),
        *_api_doors(settings, services),
    ]


def _clamd_doors(settings: Settings, services: Services, stack: ExitStack) -> list[Door]:
    opener = stack.enter_context(closing(Opener())) if any(door.socket for door in settings.clamd_doors) else None
    customer_of = services.customers.customer_of_account
    return [ClamdDoor(ClamdDoorParts(door, services.attempts, opener, customer_of)) for door in settings.clamd_doors]


def _icap_doors(settings: Settings, services: Services) -> list[Door]:
    customer_of = services.customers.customer_of_site
    return [IcapDoor(IcapDoorParts(door, services.attempts, customer_of)) for door in settings.icap_doors]


def _api_doors(settings: Settings, services: Services) -> list[Door]:
    if not (settings.api.socket or settings.api.listen):
        return []
    # Not at the top: without this door the process does not carry the weight of its library.
    from goodhoster_agent.doors.api.door import ApiDoor
    from goodhoster_agent.doors.api.parts import api_parts

    return [ApiDoor(settings.api, api_parts(services))]


def _writable(settings: Settings) -> frozenset[Path]:
    """Where the process writes: its state, and the directories of its sockets."""
    sockets = [settings.api.socket, *(door.socket for door in settings.clamd_doors)]
    return frozenset({settings.state_dir, *(socket.parent for socket in sockets if socket)})
