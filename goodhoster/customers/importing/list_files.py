"""List files, opened and decoded: the form is told by the name, or by how the text begins.

Text is UTF-8 or UTF-16; Windows-1252 where it is neither, which is told.
"""

from __future__ import annotations

import codecs
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from goodhoster.customers.importing.csv_rows import csv_rows
from goodhoster.customers.importing.object_rows import json_rows, toml_rows
from goodhoster.customers.importing.rows import ListReport, Rows, unusable

LARGEST_LIST = 1 << 30
"""Bytes. 100,000 customers with 300,000 sites are some 30 MB."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SPOKEN = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "latin-1": "Latin-1"}
_BLOCK = 1 << 20


@contextmanager
def opened_list(file: Path, report: ListReport) -> Iterator[Rows]:
    """Open a list, to be read row by row.

    ConfigurationError when it cannot be read as a whole, which may come in the middle.
    """
    with _opened(file) as raw:
        encoding = _encoding(raw)
        report.encoding = _SPOKEN.get(encoding, "UTF-16")
        text = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="")
        try:
            yield _rows(file, text, report)
        except UnicodeDecodeError as error:
            raise unusable(file, f"is not whole text ({error.reason})", "write it again, as UTF-8") from error


def _opened(file: Path) -> BinaryIO:
    """Open a regular file.

    Whatever else there is would never end, or be something else each time.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise unusable(file, f"cannot be read: {error.strerror}", "check its name, owner and mode") from error
    raw = os.fdopen(descriptor, "rb") if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    if raw is None:
        os.close(descriptor)
        raise unusable(file, "is not a regular file", "name the file itself")
    if os.fstat(raw.fileno()).st_size > LARGEST_LIST:
        raw.close()
        raise unusable(file, f"is larger than {LARGEST_LIST >> 20} MiB", "split it, and import each part")
    return raw


def _encoding(raw: BinaryIO) -> str:
    """The encoding of the whole file.

    It is read once for that where its beginning does not tell.
    """
    first = raw.read(_BLOCK)
    raw.seek(0)
    for mark, encoding in _MARKS:
        if first.startswith(mark):
            return encoding
    if b"\0" in first[:4]:
        return "utf-16-be" if first[:1] == b"\0" else "utf-16-le"
    if _is_cut_utf8(raw):
        return "utf-8"  # reading it to its end fails, and says so
    for encoding in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while block := raw.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        else:
            return encoding
        finally:
            raw.seek(0)
    return "latin-1"


def _is_cut_utf8(raw: BinaryIO) -> bool:
    """Whether it is UTF-8 up to a last character that is not whole."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := raw.read(_BLOCK):
            decoder.decode(block)
    except UnicodeDecodeError:
        return False
    finally:
        raw.seek(0)
    return bool(decoder.getstate()[0])


def _rows(file: Path, text: io.TextIOWrapper, report: ListReport) -> Rows:
    form = file.suffix.lower()
    if form == ".toml":
        return toml_rows(file, text, report)
    if form in {".json", ".jsonl", ".ndjson"} or (form != ".csv" and _begins_as_json(text)):
        return json_rows(file, text, report)
    return csv_rows(file, text, report)


def _begins_as_json(text: io.TextIOWrapper) -> bool:
    start = text.tell()
    begins = text.read(1000).lstrip()[:1] in {"[", "{"}
    text.seek(start)
    return begins
