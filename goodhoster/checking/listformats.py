"""Reads list files as hotlines, police and researchers hand them over; streaming, and strict: nobody guesses.

Two forms, told apart by the first line that holds something:

- one hexadecimal digest a line; `#` begins a comment;
- CSV with `,` or `;` and a header that names at least one of md5, sha1, sha256, hash, digest (in any case, with or
  without dashes), and possibly category. All digests of a row are taken; an empty cell holds none; other columns are
  passed over.

MD5, SHA-1 and SHA-256 may be mixed: the length tells, and a column that names one must hold that. Blank lines, either
case, CRLF and a byte order mark do not matter. The first bad line ends the reading with a ConfigurationError that
names file, line and what it holds.
"""

from __future__ import annotations

import binascii
import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from goodhoster.checking.digestlist import Entry
from goodhoster.errors import ConfigurationError
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

_LONGEST_LINE = 1 << 16  # bytes
_SHOWN = 60  # characters of a bad line
_WIDTHS = frozenset(algorithm.width for algorithm in Algorithm)
_COLUMNS = {"hash": _WIDTHS, "digest": _WIDTHS} | {a.value: frozenset({a.width}) for a in Algorithm}
_HINT = "nothing was imported: correct or remove the line, then import again"

_Lines = Iterator[tuple[int, bytes]]


def read_entries(path: Path, category: Category) -> Iterator[Entry]:
    """The entries of a list file in its order; `category` stands where the file tells none."""
    try:
        with path.open("rb") as file:
            yield from _entries(_Reading(path, category), _lines(path, file))
    except OSError as error:
        hint = "check its name, owner and mode"
        raise ConfigurationError(f"cannot read the list file {path}: {error.strerror}", hint=hint) from error


@dataclass(frozen=True, slots=True)
class _Reading:
    """The file that is being read."""

    path: Path
    category: Category

    def bad(self, line: int, holds: object, why: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path}, line {line}: {_shortened(holds)} {why}", hint=_HINT)


def _shortened(holds: object) -> str:
    shown = repr(holds).removeprefix("b")
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _lines(path: Path, file: BinaryIO) -> _Lines:
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            why = f"is longer than {_LONGEST_LINE} bytes"
            raise ConfigurationError(f"{path}, line {number}: {_shortened(line)} {why}", hint=_HINT)
        yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _entries(reading: _Reading, lines: _Lines) -> Iterator[Entry]:
    for number, line in lines:
        text = _content(line)
        if not text:
            continue
        if (value := _digest(text)) is not None:
            yield value, reading.category
            yield from _bare(reading, lines)
        else:
            yield from _csv(reading, number, line, lines)


def _content(line: bytes) -> bytes:
    return line.partition(b"#")[0].strip()


def _digest(text: bytes) -> bytes | None:
    try:
        value = binascii.unhexlify(text)
    except binascii.Error:
        return None
    return value if len(value) in _WIDTHS else None


def _bare(reading: _Reading, lines: _Lines) -> Iterator[Entry]:
    category = reading.category
    for number, line in lines:
        if text := _content(line):
            value = _digest(text)
            if value is None:
                raise reading.bad(number, text, "is not a hexadecimal MD5, SHA-1 or SHA-256 digest")
            yield value, category
