"""`goodhoster witness …`: cosign other hosters' audit logs, as they cosign ours."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from goodhoster.assembly.audit import witness
from goodhoster.errors import ConfigurationError
from goodhoster.linux.privileges import set_process_name
from goodhoster.settings import listen_address
from goodhoster_agent.commands.options import ConfigOption, JsonOption, print_json, print_line, read_settings, warn_of
from goodhoster_agent.doors.http_server import ListenAddress
from goodhoster_agent.doors.witness import serve
from goodhoster_agent.privileged.starter.dropping import give_up
from goodhoster_agent.privileged.starter.plan import DaemonTerms
from goodhoster_agent.systemd_service import log_to_service

app = typer.Typer(no_args_is_help=True, help="The witness of other hosters' audit logs.")

ListenOption = Annotated[str, typer.Option("--listen", help="HOST:PORT instead of the configured one.")]


@app.command("serve")
def serve_command(listen: ListenOption = "", config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Serve until SIGTERM; prints `ready` and the address when it listens.

    Gives up every privilege, and writes in the state directory only.
    """
    set_process_name("gh-witness")
    settings = read_settings(config)
    log_to_service()
    ours = witness(settings)
    terms = DaemonTerms(capabilities=frozenset(), writable=frozenset({settings.state_dir}), commands=frozenset())

    def on_ready(url: str) -> None:
        warn_of(give_up(terms, settings.state_dir))
        print(json.dumps({"ready": True, "url": url}) if as_json else f"ready {url}", flush=True)

    host, port = _parse_listen(listen) if listen else settings.witness.listen
    serve(ours, ListenAddress(host, port, "choose another address with --listen or [witness]"), on_ready)


@app.command("keys")
def keys_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """The witness's public keys, for the policies of others."""
    for key in witness(read_settings(config)).keys:
        print_json({"key": key.vkey}) if as_json else print_line(key.vkey)


def _parse_listen(text: str) -> tuple[str, int]:
    try:
        return listen_address(text)
    except ValueError as error:
        raise ConfigurationError(f"--listen {text} cannot be used", hint=f"give {error}") from error
