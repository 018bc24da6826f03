"""`goodhoster people …`: the service that runs commands for people who are not root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import typer

from goodhoster_agent.commands.options import ConfigOption, JsonOption, config_file, print_json, read_settings
from goodhoster_agent.commands.typed_line import all_commands
from goodhoster_agent.people.rights import ACCESS

app = typer.Typer(no_args_is_help=True, help="Let people who are not root use the commands that their role permits.")


@app.command("serve")
def serve_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Run commands for members of the groups in [roles], until SIGTERM; prints `ready`.

    The command `goodhoster` asks it by itself where whoever types cannot read the configuration.
    """
    from goodhoster.assembly.state import audit_log, make_state_dir
    from goodhoster.errors import ConfigurationError
    from goodhoster.linux.privileges import set_process_name
    from goodhoster_agent.doors.process import until_signalled
    from goodhoster_agent.people.listening import listening
    from goodhoster_agent.people.service import PeopleService, ServiceParts, serve_until
    from goodhoster_agent.people.workspace import remove_left
    from goodhoster_agent.systemd_service import log_to_service, notify_systemd

    set_process_name("gh-people")
    settings = read_settings(config)
    if os.geteuid() != 0:
        raise ConfigurationError("only root can act in the name of others", hint="start it as root")
    log_to_service()
    directory = _private(make_state_dir(settings.state_dir) / "tmp")
    remove_left(directory)
    with closing(audit_log(settings)) as log, listening(settings.roles) as listener:
        parts = ServiceParts(config_file(config).absolute(), settings.roles, log, directory)
        notify_systemd("READY=1")
        address = settings.roles.socket
        print_json({"ready": True, "address": str(address)}) if as_json else print(f"ready {address}", flush=True)
        until_signalled(lambda stop: serve_until(stop, listener, PeopleService(parts)))


@app.command("rights")
def rights_command(*, as_json: JsonOption = False) -> None:
    """Print which right each command needs: see, decide, change, export, or root.

    An option that needs another right than its command is listed below it.
    """
    for words, right in _needed():
        print_json({"command": words, "right": right}) if as_json else print(f"{right:<8} {words}")


def _needed() -> Iterator[tuple[str, str]]:
    for words, command in all_commands():
        access = ACCESS[words]
        yield words, "anybody" if access.here else str(access.right or "root")
        for option in command.params:
            if right := access.option_right(option.name):
                yield f"{words} {max(option.opts, key=len)}", str(right)


def _private(directory: Path) -> Path:
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory
