"""`goodhoster observe`: the switch for an emergency, which stops all measures at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.model.uploads import visible
from goodhoster_agent.commands.cases import order_of
from goodhoster_agent.commands.listing import local_time_of
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    OptionalReasonOption,
    config_file,
    open_services,
    print_json,
    print_line,
)

if TYPE_CHECKING:
    from goodhoster.model.cases import Order

app = typer.Typer()


@app.command()
def observe_command(
    config: ConfigOption = None,
    *,
    now: Annotated[bool, typer.Option("--now", help="Stop all measures; needs --reason.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Back to what [policy] mode says; needs --reason.")] = False,
    reason: OptionalReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Stop all measures at once and only record; or show whether they are stopped.

    This holds whatever the configuration says. The running daemon follows within seconds, and the doors with their
    next answer: a file in hand is finished, nothing further is taken offline. What is offline stays offline;
    `goodhoster cases restore` puts it back.
    """
    from goodhoster_agent.status.objects import mode_object, running_mode

    if now and end:
        raise RefusedError("--now and --end exclude each other", hint="see: goodhoster observe --help")
    if (now or end) and not reason.strip():
        raise RefusedError("--reason is missing", hint='say why, for the audit log: --reason "…"')
    if now and (problem := _stop(config, order_of(reason))):
        print_line(f"all measures are stopped, although the configuration is broken: {problem}")
        return
    with open_services(config) as services:
        if end:
            services.observe_switch.switch_off(order_of(reason))
        found = mode_object(services) | {"running": running_mode(services)}
    print_json(found) if as_json else print(_as_text(found))


def _stop(config: Path | None, order: Order) -> str:
    """Stop all measures, also while the configuration is broken.

    Of that only the state directory is needed. Returns what is wrong with it; empty when nothing is.
    """
    from goodhoster.assembly.state import emergency_switch, state_dir_of
    from goodhoster.settings import load

    file, problem = config_file(config), ""
    try:
        state_dir = load(file).state_dir
    except ConfigurationError as error:
        state_dir, problem = state_dir_of(file), str(error)
    emergency_switch(state_dir).switch_on(order)
    return problem


def _as_text(found: dict[str, Any]) -> str:
    return "\n".join(map(visible, _lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    running = found["running"]
    if found["stopped_since"] is None and running not in {None, found["mode"]}:
        hint = "it follows within seconds, or after systemctl reload goodhoster"
        yield f"mode {found['mode']} is configured, and the running daemon is in mode {running}: {hint}"
    elif found["stopped_since"] is None:
        yield f"mode {found['mode']}" + (f": {found['reason']}" if found["reason"] else ", as configured")
    else:
        since = local_time_of(found["stopped_since"])
        yield f"all measures are stopped since {since} by {found['actor']}: {found['reason']}"
        yield f'back to mode {found["configured"]}: goodhoster observe --end --reason "…"'
