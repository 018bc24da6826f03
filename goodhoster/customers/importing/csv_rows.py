"""Rows of a CSV file with a header, comma, semicolon, tab or bar between its cells.

A line whose quotes are not closed is rejected alone: the lines after it are read all the same.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TextIO

from goodhoster.customers.importing.rows import ListReport, ListRow, RowError, Rows, unusable
from goodhoster.customers.importing.vocabulary import column_of, is_id_column

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_LINE = 1 << 20
"""Characters."""
_LONGEST_ROW = 100
"""Lines that one row may go over, by cells with line ends in them."""
_MOST_COLUMNS = 500


def csv_rows(file: Path, text: TextIO, report: ListReport) -> Rows:
    """The rows; ConfigurationError when there is no header that names at least the id."""
    lines = Lines(text, partial(_too_long, file))
    delimiter, names = _header(file, lines, report)
    for number, line in lines:
        if not line.strip(" \t\r\n\0" + delimiter):
            continue
        try:
            cells = row_cells(lines, line, delimiter)
            row = _named(names, cells)
        except RowError as error:
            report.reject(number, error)
            continue
        yield ListRow(number, row)
    if lines.cut_off:
        report.cut = "its last line has no line end"
        report.warnings.append("the last line has no line end: make sure that the file was written to its end")


class Lines:
    """The lines of a text with their numbers; some can be given back."""

    def __init__(self, text: TextIO, too_long: Callable[[int], Exception]) -> None:
        """`too_long` makes the error about a line of that number."""
        self._text, self._too_long = text, too_long
        self._given_back: deque[tuple[int, str]] = deque()
        self._number = 0
        self.cut_off = False

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        if self._given_back:
            return self._given_back.popleft()
        line = self._text.readline(_LONGEST_LINE)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) >= _LONGEST_LINE:
            raise self._too_long(self._number)
        self.cut_off = not line.endswith(("\n", "\r"))
        return self._number, line

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        """Let these lines come again."""
        self._given_back.extendleft(reversed(lines))


def _too_long(file: Path, number: int) -> Exception:
    why = f"has a line {number} of more than {_LONGEST_LINE:,} characters"
    return unusable(file, why, "it is not a list of customers, or its line ends are missing")


def _header(file: Path, lines: Lines, report: ListReport) -> tuple[str, list[str]]:
    hint = "the first line names the columns, such as: customer_id,name,email,domain,docroot,user"
    _, line = next(lines, (0, ""))
    if line.lower().startswith("sep="):  # a note that Excel leaves for itself
        _, line = next(lines, (0, ""))
    for delimiter in _DELIMITERS:
        try:
            written = next(csv.reader([line], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        names = [column_of(name) for name in written]
        if not any(map(is_id_column, names)):
            continue
        if len(names) > _MOST_COLUMNS:
            raise unusable(file, f"has more than {_MOST_COLUMNS} columns", hint)
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            raise unusable(file, f"has two columns {twice[0]}", "leave one of them out")
        report.ignored |= dict.fromkeys(w[:64] for w, name in zip(written, names, strict=True) if not name and w)
        return delimiter, names
    raise unusable(file, "has no column customer_id" if line.strip() else "is empty", hint)


def row_cells(lines: Lines, line: str, delimiter: str) -> list[str]:
    """The cells of the row that begins with this line; RowError where its quotes are not closed."""
    taken: list[tuple[int, str]] = []
    row = [line]
    while True:
        try:
            return next(csv.reader(row, delimiter=delimiter, strict=True))
        except csv.Error as error:
            following = next(lines, None) if "end of data" in str(error) and len(row) < _LONGEST_ROW else None
            if following is None:
                lines.give_back(taken)
                if "larger than field limit" in str(error):
                    raise RowError(
                        f"a cell has more than {csv.field_size_limit():,} characters", "shorten it"
                    ) from error
                why = "a quote is opened and not closed, or closed too early"
                raise RowError(why, 'write a quote inside a cell twice: "5"" disk"') from error
            taken.append(following)
            row.append(following[1])


def _named(names: list[str], cells: list[str]) -> dict[str, str]:
    while len(cells) > len(names) and not cells[-1].strip():
        cells.pop()
    if len(cells) != len(names):
        why = f"it has {len(cells)} cells and the header {len(names)}"
        raise RowError(why, "complete the line, or put cells with the delimiter in them in quotes")
    return {name: cell for name, cell in zip(names, cells, strict=True) if name}
