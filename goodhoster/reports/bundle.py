"""All reports of a period in one directory, with a signed index of what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from goodhoster.audit.verify import Key, NotVerifiedError, SignedNote
from goodhoster.errors import RefusedError
from goodhoster.linux.durable_files import write_durably
from goodhoster.reports.documents import Document, as_csv, as_json

INDEX = "INDEX"
_HEAD = "goodhoster text of "

Page = Callable[[Document], str]
File = tuple[str, Iterable[bytes]]
"""A name, and the content in pieces."""


def files_of(document: Document, page: Page) -> Iterator[File]:
    """A document in every form.

    As a spreadsheet, too, where the extra for it is installed.
    """
    yield f"{document.name}.json", (piece.encode() for piece in chain(as_json(document.data, indent=1), ["\n"]))
    yield f"{document.name}.csv", (line.encode() for line in as_csv(document.tables))
    yield f"{document.name}.html", [page(document).encode()]
    if find_spec("xlsxwriter"):
        from goodhoster.reports.workbook import workbook_of  # noqa: PLC0415 - an extra

        yield f"{document.name}.xlsx", [workbook_of(document)]


def write_bundle(directory: Path, files: Iterable[File], sign: Callable[[str], SignedNote]) -> SignedNote:
    """Write the files and their signed index into a new directory; returns the index.

    RefusedError when the directory has something in it: nothing is overwritten.
    """
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise RefusedError(f"{directory} is not empty", hint="name a new directory")
    digests: dict[str, str] = {}
    for name, pieces in files:
        digest = hashlib.sha256()
        write_durably(directory / name, _noted(pieces, digest.update))
        digests[name] = digest.hexdigest()
    note = sign("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())))
    write_durably(directory / INDEX, [note.write()])
    return note


def _noted(pieces: Iterable[bytes], note: Callable[[bytes], object]) -> Iterator[bytes]:
    for piece in pieces:
        note(piece)
        yield piece


def verify_bundle(directory: Path, keys: Iterable[Key]) -> list[str]:
    """What is not as it was signed, in words; empty where all is.

    Without an index that is signed by one of these keys nothing is. OSError where there is no such directory.
    """
    there = {file.name for file in directory.iterdir()} - {INDEX}
    try:
        note = SignedNote.read((directory / INDEX).read_bytes())
        signed = note.verify(keys)
    except FileNotFoundError:
        return [f"{INDEX} is missing"]
    except NotVerifiedError as error:
        return [f"{INDEX} is not as it was signed: {error}"]
    if not signed or not note.text.startswith(_HEAD.encode()):
        return [f"{INDEX} is signed by none of the keys of this log (goodhoster audit keys)"]
    lines = (line.partition("  ") for line in note.text.decode().splitlines()[1:])
    told = {name: digest for digest, _, name in lines}
    problems = [f"{name} is missing" for name in sorted(told.keys() - there)]
    problems += [f"{name} is not in the index" for name in sorted(there - told.keys())]
    for name in sorted(told.keys() & there):
        if hashlib.sha256((directory / name).read_bytes()).hexdigest() != told[name]:
            problems.append(f"{name} is not as it was signed")
    return problems
