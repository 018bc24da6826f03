"""`goodhoster customers import`: a list into the register, with what became of each line."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from goodhoster.assembly.customer_services import DIRECTORIES, import_directories
from goodhoster.customers.importing.importer import ImportResult, RegisterImportOrder
from goodhoster.model.uploads import visible
from goodhoster.policy.register_guard import RegisterGuard
from goodhoster_agent.commands.options import (
    FINE,
    WRONG,
    YES,
    ConfigOption,
    JsonOption,
    current_user,
    open_services,
    print_json,
)

app = typer.Typer()

_SHOWN = 20
"""Changes and ignored columns that people are shown; `--json` has more."""


def _source(value: str) -> str:
    if not value.isprintable() or not value.strip() or len(value) > 64:  # noqa: PLR2004 - a name in a log line
        raise typer.BadParameter("give a short name, such as billing")
    return value


@app.command("import")
def import_command(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The list: CSV, TOML or JSON.", show_default=False)
    ] = None,
    *,
    panel: Annotated[
        str | None, typer.Option("--panel", help="In place of a file: the [[panel]] or [[billing]] of that name.")
    ] = None,
    from_directories: Annotated[
        bool, typer.Option("--from-directories", help="In place of a file: the sites of every [[directory]].")
    ] = False,
    source: Annotated[
        str,
        typer.Option(
            "--source", help="Name of its source; entries of other sources are not touched.", callback=_source
        ),
    ] = "list",
    replace: Annotated[
        bool, typer.Option("--replace", help="The list is complete: customers missing from it are marked as ended.")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Print what would change, and change nothing.")] = False,
    allow_ended: Annotated[
        int, typer.Option("--allow-ended", min=0, help="With --replace: allow this many customers to end.")
    ] = 0,
    allow_removed_sites: Annotated[
        int, typer.Option("--allow-removed-sites", min=0, help="With --replace: allow this many sites to be removed.")
    ] = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import a list of customers; rejected lines are reported, the others imported."""
    if sum((file is not None, panel is not None, from_directories)) != 1:
        raise typer.BadParameter("give a file, --panel NAME, or --from-directories")
    guard = RegisterGuard(allowed_customers=allow_ended, allowed_sites=allow_removed_sites)
    order = RegisterImportOrder(source, current_user(), replace=replace, preview=preview, guard=guard)
    with open_services(config) as services:
        if file is not None:
            result = services.customers.importer.import_file(file, order)
        elif from_directories:
            result = import_directories(services, order)
        else:
            result = services.panels.import_from(str(panel), order)
    listed = file or Path(panel or DIRECTORIES)
    print_json(import_object(result)) if as_json else _print(listed, result, preview=preview)
    raise typer.Exit(_exit_code(result))


def _print(listed: Path, result: ImportResult, *, preview: bool) -> None:
    print(*map(visible, _lines(listed, result, preview=preview)), sep="\n")
    print(*map(visible, _problems(listed, result)), sep="\n", end="", file=sys.stderr)


def _exit_code(result: ImportResult) -> int:
    if result.objection:
        return WRONG
    return YES if result.report.rejections else FINE


def import_object(result: ImportResult) -> dict[str, object]:
    """The result for `--json`."""
    found = result.difference
    return {
        "source": result.origin,
        "applied": result.applied,
        "refused": result.objection,
        "customers": result.customers,
        "sites": result.sites,
        **{f.name: getattr(found, f.name) for f in dataclasses.fields(found)},
        "encoding": result.report.encoding,
        "rejected": [
            {result.report.unit: line.line, "id": line.customer, "why": line.why, "hint": line.hint}
            for line in result.report.rejected
        ],
        "rejected_count": result.report.rejections,
        "ignored": list(result.report.ignored),
        "warnings": result.report.warnings,
        "contested": result.contested,
        "changes": [{"change": kind, "id": customer_id} for kind, customer_id in result.changes],
    }


def _lines(file: Path, result: ImportResult, *, preview: bool) -> Iterator[str]:
    found = result.difference
    would = "" if result.applied else "would be "
    yield f"{file}: {result.customers:,} customers with {result.sites:,} sites, read as {result.report.encoding}"
    yield f"  customers  {would}added {found.added:,}, changed {found.changed:,}, ended {found.ended:,}"
    sites = f"added {found.sites_added:,}, changed {found.sites_changed:,}, removed {found.sites_removed:,}"
    yield f"  sites      {would}{sites}"
    if result.report.ignored:
        yield "  not used   " + ", ".join(list(result.report.ignored)[:_SHOWN])
    if preview:
        yield from (f"  {kind:<9}  {customer_id}" for kind, customer_id in result.changes[:_SHOWN])
        left_out = found.added + found.changed + found.ended - _SHOWN
        if left_out > 0:
            yield f"  and {left_out:,} more"
        yield "  preview: nothing was changed"


def _problems(file: Path, result: ImportResult) -> Iterator[str]:
    report = result.report
    for line in report.rejected:
        yield f"{file}, {report.unit} {line.line}: rejected: {line.why}; {line.hint}"
    if report.rejections > len(report.rejected):
        yield f"{file}: {report.rejections - len(report.rejected):,} more were rejected"
    for warning in report.warnings:
        yield f"{file}: {warning}"
    if result.objection:
        found = result.difference
        yield f"goodhoster: {result.objection}; nothing was imported"
        options = f"--allow-ended {found.ended} --allow-removed-sites {found.sites_removed}"
        yield f"            check it with --preview; if that is right: {options}"
    yield ""
