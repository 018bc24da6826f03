"""`goodhoster hashservice …`: the compatible hash service, its clients and their figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from goodhoster.assembly.sources import relay_sources
from goodhoster.assembly.state import AUDIT_FILE, make_state_dir
from goodhoster.errors import ConfigurationError
from goodhoster.linux.privileges import set_process_name
from goodhoster.ports import HashSource
from goodhoster.settings import listen_address
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    OptionalReasonOption,
    note_order,
    print_line,
    read_settings,
    warn_of,
)
from goodhoster_agent.doors.accounts import add_client, read_clients, remove_client
from goodhoster_agent.doors.hashservice import HashServiceOptions, clients_file, serve
from goodhoster_agent.doors.usage_figures import figures_file, read_figures
from goodhoster_agent.privileged.starter.dropping import give_up
from goodhoster_agent.privileged.starter.plan import DaemonTerms
from goodhoster_agent.systemd_service import log_to_service


@dataclass(frozen=True, slots=True)
class HashServiceSetup:
    """The configuration of the hash service."""

    state_dir: Path
    listen: tuple[str, int]
    open_sources: Callable[[], Sequence[HashSource]]
    """Called by `serve` only: accounts and figures need no source, and no secret of one."""


Setup = Callable[[Path | None], HashServiceSetup]
"""From the --config that was given to what that file says."""

NameArgument = Annotated[str, typer.Argument(help="Name of the client: letters, digits, dots, dashes.")]
ListenOption = Annotated[str, typer.Option("--listen", help="HOST:PORT instead of the configured one.")]


def make_app(setup: Setup) -> typer.Typer:
    """The commands, over the configuration that `setup` reads."""
    app = typer.Typer(no_args_is_help=True, help="Run the compatible hash service and manage its clients.")
    app.add_typer(_client_app(setup), name="client")

    @app.command("serve")
    def serve_command(listen: ListenOption = "", config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
        """Serve until SIGTERM; prints `ready` and the address when it listens."""
        log_to_service()
        run_server(setup(config), listen, as_json=as_json)

    @app.command("figures")
    def figures_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
        """Show how much each client asked, by week."""
        print_figures(setup(config), as_json=as_json)

    return app


def _client_app(setup: Setup) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Manage the accounts of clients.")

    @app.command("add")
    def add_command(
        name: NameArgument,
        reason: OptionalReasonOption = "",
        config: ConfigOption = None,
        *,
        as_json: JsonOption = False,
    ) -> None:
        """Create an account. Its password is printed once and not stored."""
        _note(setup(config), "add", name, reason)
        print_new_client(setup(config), name, as_json=as_json)

    @app.command("list")
    def list_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
        """List the accounts."""
        print_clients(setup(config), as_json=as_json)

    @app.command("remove")
    def remove_command(
        name: NameArgument,
        reason: OptionalReasonOption = "",
        config: ConfigOption = None,
        *,
        as_json: JsonOption = False,
    ) -> None:
        """Remove an account. The running service follows within a second."""
        _note(setup(config), "remove", name, reason)
        print_removed_client(setup(config), name, as_json=as_json)

    return app


def _note(setup: HashServiceSetup, verb: str, name: str, reason: str) -> None:
    from goodhoster.audit.log import FileAuditLog

    log = FileAuditLog(make_state_dir(setup.state_dir) / AUDIT_FILE)
    note_order(log, f"hashservice client {verb}", reason, client=name)


def run_server(setup: HashServiceSetup, listen: str, *, as_json: bool) -> None:
    """Serve until SIGTERM or SIGINT, then close the sources.

    Once it listens and has read its secrets it gives up every privilege, and writes in the state directory only.
    """
    set_process_name("gh-hashservice")
    terms = DaemonTerms(capabilities=frozenset(), writable=frozenset({setup.state_dir}), commands=frozenset())

    def on_ready(url: str) -> None:
        warn_of(give_up(terms, setup.state_dir))
        print(json.dumps({"ready": True, "url": url}) if as_json else f"ready {url}", flush=True)

    address = _parse_listen(listen) if listen else setup.listen
    with ExitStack() as stack:
        sources = setup.open_sources()
        for source in sources:
            stack.callback(source.close)
        serve(HashServiceOptions(state_dir=setup.state_dir, sources=sources, listen=address), on_ready)


def _parse_listen(text: str) -> tuple[str, int]:
    try:
        return listen_address(text)
    except ValueError as error:
        raise ConfigurationError(f"--listen {text} cannot be used", hint=f"give {error}") from error


def print_new_client(setup: HashServiceSetup, name: str, *, as_json: bool) -> None:
    """Create an account; its password goes to standard output and nowhere else."""
    password = add_client(clients_file(setup.state_dir), name)
    print(json.dumps({"name": name, "password": password}) if as_json else f"{name}\n{password}")


def print_clients(setup: HashServiceSetup, *, as_json: bool) -> None:
    """Print name and date of each account."""
    for client in read_clients(clients_file(setup.state_dir)).values():
        line = {"name": client.name, "added_at": client.added_at}
        print_line(json.dumps(line) if as_json else f"{client.added_at}  {client.name}")


def print_removed_client(setup: HashServiceSetup, name: str, *, as_json: bool) -> None:
    """Remove an account and print so; RefusedError when there is none."""
    remove_client(clients_file(setup.state_dir), name)
    print_line(json.dumps({"name": name, "removed": True}) if as_json else f"{name} is removed")


def print_figures(setup: HashServiceSetup, *, as_json: bool) -> None:
    """Print a line a week and client."""
    if not as_json:
        print_line(f"{'week':<9} {'client':<32} {'checks':>12} {'matches':>10} {'unchecked':>10}")
    for figure in read_figures(figures_file(setup.state_dir)):
        table = f"{figure.week:<9} {figure.client:<32} {figure.checks:>12} {figure.matches:>10} {figure.unchecked:>10}"
        print_line(json.dumps(asdict(figure)) if as_json else table)


def _configured(config: Path | None) -> HashServiceSetup:
    settings = read_settings(config)
    return HashServiceSetup(
        state_dir=make_state_dir(settings.state_dir),
        listen=settings.hash_service.listen,
        open_sources=lambda: relay_sources(settings),
    )


app = make_app(_configured)
