"""`goodhoster exemptions …`: contents that are known to be harmless.

Such as the pictures of a CMS release.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from goodhoster.assembly.state import exemption_sets
from goodhoster.errors import ConfigurationError
from goodhoster.model.digests import Algorithm
from goodhoster.model.exemptions import ExemptionSet
from goodhoster.model.uploads import visible
from goodhoster_agent.commands.options import (
    FINE,
    YES,
    ConfigOption,
    JsonOption,
    current_user,
    print_json,
    print_line,
    read_settings,
)
from goodhoster_agent.exemption_gathering import gather

app = typer.Typer(no_args_is_help=True, help="Manage sets of files known to be harmless; matches of them are held.")

NameArgument = Annotated[str, typer.Argument(help="Name of the set, as `exemptions list` shows it.")]
_SUFFIXES = re.compile(r"(?:\.(?:zip|tar|tgz|gz|tbz2|bz2|txz|xz|json|db|sqlite))+$", re.IGNORECASE)


@app.command("build")
def build_command(
    origin: Annotated[
        Path, typer.Argument(help="ZIP or TAR, installed tree, WordPress's published checksums, NSRL, or a picture.")
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the set (default: of the file).")] = "",
    version: Annotated[str, typer.Option("--version", help="Version of the release.")] = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Exempt every file of a release by its digests; replaces a set of the same name."""
    settings = read_settings(config)
    found = gather(origin, settings)
    made = ExemptionSet(
        name=name or _SUFFIXES.sub("", origin.resolve().name),
        version=version or found.version,
        origin=found.origin,
        made_at=datetime.now(UTC).replace(microsecond=0),
        made_by=current_user(),
        contents=found.contents,
    )
    exemption_sets(settings).put(made)
    left_out = dict(found.left_out)
    print_json(_as_object(made) | {"left_out": left_out}) if as_json else print_line(_as_line(made))
    for what, count in left_out.items():
        print(visible(f"left out: {count:,} {what}"), file=sys.stderr)


@app.command("list")
def list_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """List the sets and verify each; exits with 1 if one is damaged."""
    whole = True
    for name, found in exemption_sets(read_settings(config)).survey():
        if isinstance(found, ConfigurationError):
            whole = False
            print_json({"name": name, "damage": str(found)}) if as_json else print_line(f"{name}: damaged: {found}")
        else:
            print_json(_as_object(found)) if as_json else print_line(_as_line(found))
    raise typer.Exit(FINE if whole else YES)


@app.command("show")
def show_command(name: NameArgument, config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Show a set with all its digests."""
    made = exemption_sets(read_settings(config)).get(name)
    contents = [
        {algorithm.value: content.of(algorithm).hex for algorithm in Algorithm if content.has(algorithm)}
        for content in made.contents
    ]
    if as_json:
        print_json(_as_object(made) | {"digests": contents})
    else:
        print(visible(_as_line(made)), *(content.strongest.hex for content in made.contents), sep="\n  ")


@app.command("remove")
def remove_command(name: NameArgument, config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Remove a set. Its files are checked like any other from then on; held cases stay held."""
    exemption_sets(read_settings(config)).remove(name, current_user())
    print_json({"name": name, "removed": True}) if as_json else print_line(f"removed {name}")


def _as_object(made: ExemptionSet) -> dict[str, Any]:
    return {
        "name": made.name,
        "version": made.version,
        "origin": made.origin,
        "made_at": made.made_at.isoformat(),
        "made_by": made.made_by,
        "contents": len(made.contents),
        "by": dict(_by(made)),
        "damage": "",
    }


def _by(made: ExemptionSet) -> Counter[str]:
    """The number of exempt contents by kind of digest: the strongest that was taken."""
    return Counter(content.strongest.algorithm.value for content in made.contents)


def _as_line(made: ExemptionSet) -> str:
    by = ", ".join(f"{count:,} by {algorithm}" for algorithm, count in _by(made).items())
    version = f" {made.version}" if made.version else ""
    return f"{made.name}{version}: {by}; {made.origin}; made {made.made_at:%Y-%m-%d %H:%M} UTC by {made.made_by}"
