"""Lists on the command line: shared filters, tables for people, CSV for spreadsheets."""

from __future__ import annotations

import csv
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Annotated, Any, Generic, TypeVar

import typer

from goodhoster.model.uploads import visible
from goodhoster_agent.commands.options import is_terminal, print_json

Row = TypeVar("Row")

_SPAN = re.compile(r"(\d{1,6})\s*([mhdw])")
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_GAP = "  "
_NARROWEST = 12
"""Characters that the last column keeps on the narrowest terminal."""
_WIDEST = 100
"""Characters that one cell may widen a column by: customers choose how long their paths are."""
_MEASURED = 1000
"""Rows that the widths are taken from."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula for a spreadsheet, and others choose what stands in many cells."""


def moment(text: str) -> datetime:
    """A moment as a person types it.

    "2026-11-29" or "2026-11-29 14:30" (local time), with a zone, or "24h", "7d", "2w" ago.
    """
    if span := _SPAN.fullmatch(text.strip()):
        return datetime.now(UTC) - timedelta(seconds=int(span[1]) * _UNITS[span[2]])
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f'{text!r} is not a time: give "2026-11-29", "2026-11-29 14:30" or "24h" ago'
        ) from error


def _moment_option(name: str, words: str) -> Any:  # noqa: ANN401 - what Typer takes
    return typer.Option(name, parser=moment, metavar="TIME", help=words, show_default=False)


SinceOption = Annotated[
    datetime | None, _moment_option("--since", 'Not before this time: "2026-11-29", or "24h" for that long ago.')
]
UntilOption = Annotated[datetime | None, _moment_option("--until", "Before this time.")]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, max=1_000_000, help="At most this many, the newest.", show_default=False)
]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")]


def local_time(at: datetime | None, otherwise: str = "") -> str:
    """A time as people at this machine read it, with its zone."""
    return f"{at.astimezone():%Y-%m-%d %H:%M %Z}" if at else otherwise


def local_time_of(written: str | None, otherwise: str = "") -> str:
    """A time, written as `--json` has it, as people at this machine read it."""
    return local_time(datetime.fromisoformat(written) if written else None, otherwise)


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column of a list: its heading, and what it shows of a row."""

    heading: str
    text: Callable[[Row], str]


def print_list(
    rows: Iterable[Row],
    columns: Sequence[Column[Row]],
    as_object: Callable[[Row], dict[str, Any]],
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Print rows: JSON lines, CSV, or a table with headings that fits the terminal.

    With JSON and CSV each row is printed when its turn comes. A table fits the terminal; elsewhere it is as wide as
    what is in it, and an overlong cell moves its own row only. Nothing in a cell commands a terminal or a spreadsheet.
    """
    if as_json and as_csv:
        raise typer.BadParameter("either --json or --csv")
    if as_json:
        for row in rows:
            print_json(as_object(row))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([column.heading for column in columns])
        writer.writerows([_cell(column.text(row)) for column in columns] for row in rows)
    else:
        _print_table(([visible(column.text(row)) for column in columns] for row in rows), columns)


def _cell(text: str) -> str:
    text = visible(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _print_table(rows: Iterable[Sequence[str]], columns: Sequence[Column[Any]]) -> None:
    """Print a table whose columns are as wide as the first rows need, however many follow."""
    rows = iter(rows)
    first = list(islice(rows, _MEASURED))
    if not first:
        return
    table = [[column.heading for column in columns], *first]
    widths = [min(_WIDEST, max(len(row[number]) for row in table)) for number in range(len(columns))]
    terminal = _terminal_width()
    if terminal:
        before = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
        widths[-1] = max(_NARROWEST, min(widths[-1], terminal - before))
    lines = (_line(row, widths, terminal) for row in chain(table, rows))
    if pager := _pager(len(table)):
        _page(lines, pager)
        return
    for line in lines:
        print(line)


def _line(row: Sequence[str], widths: Sequence[int], terminal: int) -> str:
    cells = [(_cut(cell, width) if terminal else cell).ljust(width) for cell, width in zip(row, widths, strict=True)]
    return _GAP.join(cells).rstrip()


def _pager(lines: int) -> list[str]:
    """Command of the pager for a table that is longer than the terminal; empty for none.

    $PAGER, else less; none where that is empty or cat. Pagers start a shell for who asks. Whoever may run only this as
    root, by sudo, gets one that does not.
    """
    import shlex

    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)) or lines < shutil.get_terminal_size().lines:
        return []
    command = ["less"] if "SUDO_UID" in os.environ else shlex.split(os.environ.get("PAGER", "less"))
    return command if command not in ([], ["cat"]) and shutil.which(command[0]) else []


def _page(lines: Iterable[str], pager: Sequence[str]) -> None:
    """Show lines as they come; who leaves the pager early has seen enough.

    Not `click.echo_via_pager`: it passes what commands a terminal on to less (`-R`), and runs $PAGER by sudo, too.
    """
    import subprocess

    secure = {"LESSSECURE": "1"} if "SUDO_UID" in os.environ else {}
    with subprocess.Popen(pager, stdin=subprocess.PIPE, text=True, env=os.environ | secure) as process:
        with suppress(BrokenPipeError, KeyboardInterrupt):
            for line in lines:
                print(line, file=process.stdin)
        with suppress(BrokenPipeError, KeyboardInterrupt):
            process.communicate()


def _terminal_width() -> int:
    """Columns of the terminal that this is shown on; 0 where it is none.

    The service for people prints into a pipe, and is told what the person looks at.
    """
    if is_terminal(sys.stdout):
        return shutil.get_terminal_size().columns
    told = os.environ.get("GOODHOSTER_COLUMNS", "")
    return int(told) if told.isascii() and told.isdigit() else 0


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
