"""Rows of JSON and TOML: one object for each customer, with all that is its own.

JSON is a list, an object with the list as `customers`, or an object a line; TOML has a `[[customer]]` for each.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import ijson

from goodhoster.customers.importing.rows import ListReport, ListRow, RowError, Rows, unusable
from goodhoster.customers.importing.vocabulary import column_of
from goodhoster.model.json_objects import DuplicateKeyError, unique_keys

_LARGEST_TOML = 32 << 20
"""Characters: TOML is read as a whole."""
_LARGEST_OBJECT = 1 << 20
"""Characters of one customer with everything that is the customer's."""
_BLOCK = 1 << 16
_DEEPEST = 8
"""Levels of objects and lists."""
_NESTING = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}
_Event = tuple[str, Any]
_MARK = "\uffff"
_SURROGATE = re.compile("[\ud800-\udfff\uffff]")
"""And what stands for one where the parser would make a question mark of it, or stop."""
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(?P<half>u[dD][89a-fA-F][\da-fA-F]{2})|.)", re.DOTALL
)
_LONGEST_ESCAPE = 12
"""Characters of a letter that is written as two escapes."""


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


_TWICE = RowError("a key stands twice in it", "write each key once")


def _lines(text: TextIO, report: ListReport) -> Iterator[Any]:
    report.unit = "line"
    while line := text.readline(_LARGEST_OBJECT):
        try:
            yield json.loads(line, object_pairs_hook=unique_keys) if line.strip() else None
        except DuplicateKeyError:
            yield _TWICE
        except (ValueError, RecursionError):
            yield RowError("it is not whole JSON object", "write one object a line")


def _marked(escape: re.Match[str]) -> str:
    """An escape as it is; a surrogate without its other half as what is no character."""
    return "\\uffff" if escape["half"] else escape[0]


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
        while "\\" in block[-_LONGEST_ESCAPE:] and len(block) <= _LARGEST_OBJECT:
            if not (more := self._text.read(_LONGEST_ESCAPE)):
                break
            block += more
        self.silent += len(block)
        if self.silent > _LARGEST_OBJECT + 2 * _BLOCK:
            why = f"has an entry of more than {_LARGEST_OBJECT >> 20} MiB"
            raise unusable(self._file, why, "it is not a list of customers, or not a list of objects")
        return _ESCAPE.sub(_marked, block).encode("utf-8", "surrogatepass")


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
    keys: list[set[str]] = [set()]
    twice = False
    while depth:
        event, value = next(events)
        if event == "map_key":
            twice = twice or value in keys[-1]
            keys[-1].add(str(value))
        elif change := _NESTING.get(event, 0):
            keys.append(set()) if change > 0 else keys.pop()
        builder.event(event, value)
        depth += _NESTING.get(event, 0)
    return _TWICE if twice else builder.value


def _numbered(entries: Iterator[Any], report: ListReport) -> Rows:
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, RowError):
            report.reject(number, entry)
        elif half := _half_letter(entry):
            which = "" if half == _MARK else f"U+{ord(half):04X}, "
            why = f"it has half of a letter ({which}an unpaired surrogate)"
            report.reject(number, RowError(why, "export the list again as UTF-8"))
        elif isinstance(entry, Mapping):
            yield ListRow(number, _known(entry, report))
        elif entry is not None:
            report.reject(
                number, RowError("it is not an object", "each customer is an object with at least customer_id")
            )


def _half_letter(entry: object) -> str:
    """A surrogate without its other half in a text of an entry; empty where there is none."""
    waiting = [entry]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if found := _SURROGATE.search(one):
                return found[0]
        elif isinstance(one, Mapping):
            waiting.extend((*one, *one.values()))
        elif isinstance(one, list):
            waiting.extend(one)
    return ""


def _known(entry: Mapping[str, Any], report: ListReport) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for written, value in entry.items():
        if name := column_of(str(written)):
            known.setdefault(name, value)
        elif len(report.ignored) < _MOST_IGNORED:
            report.ignored[str(written)[:64]] = None
    return known


_MOST_IGNORED = 50
