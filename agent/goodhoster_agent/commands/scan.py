"""`goodhoster scan`: check a tree by order, with progress."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from goodhoster.assembly.services import Services
from goodhoster.linux.privileges import set_process_name
from goodhoster.model.uploads import display, exact
from goodhoster.model.verdicts import VerdictKind
from goodhoster_agent.commands.check import answers
from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    is_terminal,
    note_order,
    print_json,
    print_line,
    read_settings,
    warn_of,
)
from goodhoster_agent.hashing.sandboxed_services import scanning_services
from goodhoster_agent.ordered_scan import ScanProgress, region_of, scan
from goodhoster_agent.watching.scanner import LeftAlone

app = typer.Typer()


@app.command()
def scan_command(
    directories: Annotated[list[Path], typer.Argument(help="Directories in watched trees.", metavar="DIR…")],
    config: ConfigOption = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; record and move nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check every file in the directories and act as the daemon would.

    If interrupted, it resumes.
    """
    began = time.monotonic()
    set_process_name("gh-scan")
    with scanning_services(read_settings(config)) as (services, problems):
        warn_of(problems)
        if not dry_run:
            for directory in directories:
                note_order(services.audit, "scan", path=display(bytes(directory)))
        steps = _dry_run(services, directories) if dry_run else _scan(services, directories)
        with closing(steps):
            result = _show_progress(steps, quiet=as_json)
    _print(result, time.monotonic() - began, as_json=as_json)
    raise typer.Exit(_code(result))


def _scan(services: Services, directories: list[Path]) -> Generator[ScanProgress, None, None]:
    return scan(services, [region_of(services, bytes(directory)) for directory in directories])


def _dry_run(services: Services, directories: list[Path]) -> Generator[ScanProgress, None, None]:
    progress = ScanProgress(verdicts=Counter())
    with closing(answers(services, directories)) as found:
        for answer in found:
            progress.files += 1
            progress.verdicts[answer.verdict.kind] += 1
            yield progress
    progress.walked = True
    yield progress


def _show_progress(steps: Iterator[ScanProgress], *, quiet: bool) -> ScanProgress:
    """Show a bar on a terminal; return the last step."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    result = ScanProgress()
    with Progress(*columns, console=console, disable=quiet or not is_terminal(sys.stderr)) as bar:
        task = bar.add_task("looking", total=None)
        for result in steps:
            total = result.files if result.walked else None
            words = "checking" if result.walked else "looking"
            bar.update(task, description=words, total=total, completed=result.files - result.waiting)
    return result


def _print(result: ScanProgress, seconds: float, *, as_json: bool) -> None:
    counts = {
        kind.value: result.verdicts[kind] for kind in (VerdictKind.KNOWN, VerdictKind.NEAR, VerdictKind.UNCHECKED)
    }
    if as_json:
        told: dict[str, Any] = {
            "files": result.files,
            "checked": result.checked,
            **counts,
            "seconds": round(seconds, 3),
        }
        print_json(told | {"left_alone": _left_alone(result.left_alone)})
        return
    found = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    print_line(f"{result.files:,} files in {seconds:.1f} s: {result.checked:,} checked, {found}")
    if result.left_alone.places:
        print(f"{result.left_alone}:", *map(display, result.left_alone.places), sep="\n  ")


def _left_alone(left_alone: LeftAlone) -> dict[str, Any]:
    places = [exact(place) for place in left_alone.places]
    return {"directories": left_alone.directories, "files": left_alone.files, "places": places}


def _code(result: ScanProgress) -> int:
    if result.verdicts[VerdictKind.KNOWN] or result.verdicts[VerdictKind.NEAR]:
        return YES
    return UNCHECKED if result.verdicts[VerdictKind.UNCHECKED] else FINE
