"""Rows of JSON and TOML: one object for each customer, with all that is its own.

JSON is a list, an object with the list as `customers`, or an object a line; TOML has a `[[customer]]` for each.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import ijson

from goodhoster.customers.importing.rows import ListReport, ListRow, RowError, Rows, unusable
from goodhoster.customers.importing.vocabulary import column_of

_LARGEST_TOML = 32 << 20
"""Characters: TOML is read as a whole."""
_LARGEST_OBJECT = 1 << 20
"""Characters of one customer with everything that is the customer's."""
_BLOCK = 1 << 16
_DEEPEST = 8
"""Levels of objects and lists."""
_NESTING = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}
_Event = tuple[str, Any]


def json_rows(file: Path, text: TextIO, report: ListReport) -> Rows:
    """The rows; ConfigurationError where the text stops being JSON."""
    report.unit = "entry"
    begins, first = _first_line(text)
    if begins == "{" and _is_object(first):
        yield from _numbered(_lines(text, report), report)
    else:
        yield from _numbered(_items(file, text, framed=begins != "["), report)


def toml_rows(file: Path, text: TextIO, report: ListReport) -> Rows:
    """The rows; ConfigurationError where it is no TOML with `[[customer]]`."""
    report.unit = "entry"
    written = text.read(_LARGEST_TOML + 1)
    if len(written) > _LARGEST_TOML:
        raise unusable(file, f"is larger than {_LARGEST_TOML >> 20} MiB of TOML", "give it as CSV or JSON")
    try:
        table = tomllib.loads(written)
    except tomllib.TOMLDecodeError as error:
        raise unusable(file, f"is not valid TOML: {error}", "fix the line it names") from error
    except RecursionError as error:
        raise unusable(file, "is nested too deep", "it is not a list of customers") from error
    if not written.endswith(("\n", "\r")):
        report.cut = "its last line has no line end"
    customers = table.get("customer")
    if not isinstance(customers, list):
        raise unusable(file, "has no [[customer]]", "write each customer as [[customer]]")
    yield from _numbered(iter(customers), report)


def _first_line(text: TextIO) -> tuple[str, str]:
    start = text.tell()
    first = text.read(_LARGEST_OBJECT).lstrip()
    text.seek(start)
    return first[:1], first.partition("\n")[0]


def _is_object(line: str) -> bool:
    """Whether this line is a customer by itself, and not the frame around all of them."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "customers" not in found


def _lines(text: TextIO, report: ListReport) -> Iterator[Any]:
    report.unit = "line"
    while line := text.readline(_LARGEST_OBJECT):
        try:
            yield json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            yield RowError("it is not whole JSON object", "write one object a line")


class _Blocks:
    """The text as UTF-8 for a parser, which may take no more than a limit for one object."""

    def __init__(self, file: Path, text: TextIO) -> None:
        self._file, self._text = file, text
        self.silent = 0
        """Characters since the last object."""

    def read(self, size: int) -> bytes:
        if not size:  # the parser wants to know whether this is text or bytes
            return b""
        block = self._text.read(_BLOCK)
        self.silent += len(block)
        if self.silent > _LARGEST_OBJECT + 2 * _BLOCK:
            why = f"has an entry of more than {_LARGEST_OBJECT >> 20} MiB"
            raise unusable(self._file, why, "it is not a list of customers, or not a list of objects")
        return block.encode("utf-8", "surrogatepass")


def _items(file: Path, text: TextIO, *, framed: bool) -> Iterator[Any]:
    """The items of the list, or of the list `customers` in the object around it."""
    blocks = _Blocks(file, text)
    try:
        events = _flat(file, ijson.basic_parse(blocks, use_float=True))
        next(events, None)
        if not framed or _goes_to_customers(events):
            for event, value in events:
                if event == "end_array":
                    break
                yield _whole(event, value, events)
                blocks.silent = 0
        for _ in events:  # a file that was cut off behind the list may have lost some of it, too
            blocks.silent = 0
    except ijson.JSONError as error:
        raise unusable(file, f"is not whole JSON: {str(error).splitlines()[0]}", "write it again to its end") from error


def _flat(file: Path, events: Iterator[_Event]) -> Iterator[_Event]:
    """The events; ConfigurationError where objects are nested too deep."""
    depth = 0
    for event, value in events:
        depth += _NESTING.get(event, 0)
        if depth > _DEEPEST:
            raise unusable(file, f"is nested deeper than {_DEEPEST} levels", "it is not a list of customers")
        yield event, value


def _goes_to_customers(events: Iterator[_Event]) -> bool:
    """Go on to the first item of the list `customers` in an object; False where it has none."""
    for event, value in events:
        if event == "map_key":
            found, inner = next(events)
            if value == "customers" and found == "start_array":
                return True
            _whole(found, inner, events)
    return False


def _whole(event: str, value: object, events: Iterator[_Event]) -> Any:  # noqa: ANN401 - JSON is anything
    """The value that begins with this event."""
    builder = ijson.ObjectBuilder()
    builder.event(event, value)
    depth = _NESTING.get(event, 0)
    while depth:
        event, value = next(events)
        builder.event(event, value)
        depth += _NESTING.get(event, 0)
    return builder.value


def _numbered(entries: Iterator[Any], report: ListReport) -> Rows:
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, RowError):
            report.reject(number, entry)
        elif isinstance(entry, Mapping):
            yield ListRow(number, _known(entry, report))
        elif entry is not None:
            report.reject(
                number, RowError("it is not an object", "each customer is an object with at least customer_id")
            )


def _known(entry: Mapping[str, Any], report: ListReport) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for written, value in entry.items():
        if name := column_of(str(written)):
            known.setdefault(name, value)
        elif len(report.ignored) < _MOST_IGNORED:
            report.ignored[str(written)[:64]] = None
    return known


_MOST_IGNORED = 50
