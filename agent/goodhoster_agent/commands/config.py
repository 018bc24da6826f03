"""`goodhoster config …`: check the configuration, and show what can be set."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import typer

from goodhoster.errors import ConfigurationError
from goodhoster.settings import Settings, pages
from goodhoster.settings.reading import PluggedTable
from goodhoster_agent.commands.options import ConfigOption, JsonOption, config_file, print_json, read_settings, warn_of
from goodhoster_agent.configuration_check import check_file

app = typer.Typer(no_args_is_help=True, help="Check, show and explain the configuration.")


@app.command("check")
def check_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Check the whole configuration and every secret it names.

    Exit code 2 with everything that is wrong, and where.
    """
    file = str(config_file(config))
    try:
        settings = check_file(config_file(config))
    except ConfigurationError as error:
        if as_json:
            problems = [{"problem": str(each), "hint": each.hint} for each in error.all]
            print_json({"ok": False, "file": file, "problems": problems})
        raise
    warnings = (
        [] if settings.watches else ["nothing is watched: no file is checked; add [[watch]], or: goodhoster setup"]
    )
    if not settings.hash_sources:
        warnings.append("nobody is asked: no file can be known; add [[hash_source]]")
    warn_of(f"{file}: {warning}" for warning in warnings)
    if as_json:
        print_json({"ok": True, "file": file, "warnings": warnings})
    else:
        print(f"{file} is valid (mode: {settings.policy.mode})")


@app.command("sample")
def sample_command() -> None:
    """Print a commented sample: goodhoster config sample > goodhoster.toml."""
    print(pages.sample(), end="")


@app.command("reference")
def reference_command() -> None:
    """Print every setting with its default, unit and meaning, as Markdown."""
    print(pages.reference(), end="")


@app.command("show")
def show_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Print all settings in force, defaults included, without secrets."""
    shown = as_object(read_settings(config))
    if as_json:
        print_json(shown)
    else:
        print("\n".join(_lines("", shown)))


def as_object(settings: Settings) -> dict[str, Any]:
    """The settings as JSON can carry them."""
    return _fields(settings)


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any settings class
    return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a TOML value is anything
    if isinstance(value, PluggedTable):  # as it stands in the file, with what all kinds share
        shared = _fields(value.common) if value.common is not None else {}
        return {"kind": value.kind} | _plain(value.written.table) | shared
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (tuple, list, frozenset)) else str(value)


def _lines(prefix: str, value: Any) -> list[str]:  # noqa: ANN401 - the same
    if isinstance(value, dict):
        return [line for name, inner in value.items() for line in _lines(f"{prefix}.{name}".lstrip("."), inner)]
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        return [line for number, inner in enumerate(value) for line in _lines(f"{prefix}[{number}]", inner)]
    return [f"{prefix} = {_as_toml(value)}"]


def _as_toml(value: Any) -> str:  # noqa: ANN401 - the same
    """A value as it would stand in the file; what is not set is said so."""
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
