"""`goodhoster hashlist …`: own lists of hashes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from goodhoster.assembly.state import audit_log, lists_directory
from goodhoster.hashlists.audited_changes import RecordedLists
from goodhoster.hashlists.entries import KINDS, ListKind
from goodhoster.hashlists.importing import Imported
from goodhoster.hashlists.own_lists import ImportReport, ListImportOrder, ListStatus, survey
from goodhoster.model.uploads import visible
from goodhoster.model.verdicts import Category
from goodhoster.settings import Settings
from goodhoster_agent.commands.listing import local_time
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

app = typer.Typer(no_args_is_help=True, help="Manage your own hash lists.")

SourceOption = Annotated[str, typer.Option("--source", help="Name of the source: letters, digits, dots, dashes.")]
CategoryOption = Annotated[Category, typer.Option("--category", help="Category of entries without one.")]
KindOption = Annotated[
    str | None, typer.Option("--as", help="Kind of hash where the file does not say: " + ", ".join(KINDS) + ".")
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Replace everything this source had.")]


@app.command("import")
def import_command(
    files: Annotated[
        list[Path], typer.Argument(help="List files in any supported format; - for standard input.", allow_dash=True)
    ],
    source: SourceOption,
    category: CategoryOption = Category.UNSPECIFIED,
    untyped: KindOption = None,
    config: ConfigOption = None,
    *,
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add digests and fingerprints to a source's lists; all files or nothing.

    Checksum files, CSV, JSON, XML and SQLite as the field writes them are read as they are, packed ones too.
    """
    order = ListImportOrder(files, source, category, _kind(untyped) if untyped else None, replace)
    with _recorded(read_settings(config)) as lists:
        report = lists.import_files(order, current_user())
    told = {"passed_over": dict(report.passed_over), "withdrawn": report.withdrawn}
    for imported in report.lists:
        print_json(asdict(imported) | told) if as_json else print_line(_imported_text(imported))
    for line in _left_out(report):
        print(visible(line), file=sys.stderr)


@app.command("list")
def list_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """List your hash lists and verify each; exits with 1 if one is damaged."""
    whole = True
    for status in survey(lists_directory(read_settings(config))):
        whole = whole and status.whole
        print_json(_status(status)) if as_json else print_line(_status_text(status))
    raise typer.Exit(FINE if whole else YES)


@app.command("remove")
def remove_command(
    source: Annotated[str, typer.Argument(help="Source whose lists to remove.")],
    algorithm: Annotated[str | None, typer.Option(help="Only this kind: " + ", ".join(KINDS) + ".")] = None,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Remove the lists of a source."""
    kind = _kind(algorithm) if algorithm else None
    with _recorded(read_settings(config)) as lists:
        for removed in lists.remove(source, kind, current_user()):
            print_json(asdict(removed)) if as_json else print_line(f"removed {removed.source} {removed.algorithm}")


@contextmanager
def _recorded(settings: Settings) -> Iterator[RecordedLists]:
    with closing(audit_log(settings)) as log:
        yield RecordedLists(lists_directory(settings), log)


def _kind(name: str) -> ListKind:
    try:
        return KINDS[name]
    except KeyError:
        raise typer.BadParameter(f"{name!r} is not one of " + ", ".join(KINDS)) from None


def _left_out(report: ImportReport) -> Iterator[str]:
    """Lines on what is in the files and in no list, so that a user does not rely on it."""
    if report.passed_over:
        kinds = ", ".join(f"{count:,} {name}" for name, count in sorted(report.passed_over.items()))
        yield f"skipped, of kinds that are not compared: {kinds}"
    if report.withdrawn:
        yield f"not active according to the files: {report.withdrawn:,}"
    if not report.lists:
        yield "there is no list of this source now"


def _imported_text(imported: Imported) -> str:
    changes = f"{imported.added:,} new, {imported.removed:,} gone"
    return f"{imported.source} {imported.algorithm}: {imported.entries:,} entries ({changes})"


def _status(status: ListStatus) -> dict[str, Any]:
    return {
        "source": status.source,
        "algorithm": status.algorithm,
        "entries": status.entries,
        "categories": dict(status.categories or {}),
        "imported_at": status.imported_at.isoformat() if status.imported_at else None,
        "damage": status.damage,
    }


def _status_text(status: ListStatus) -> str:
    if not status.whole:
        return f"{status.source} {status.algorithm}: damaged: {status.damage}"
    categories = ", ".join(f"{count:,} {category}" for category, count in (status.categories or {}).items())
    imported = local_time(status.imported_at)
    return f"{status.source} {status.algorithm}: {status.entries:,} entries ({categories}), imported {imported}"
