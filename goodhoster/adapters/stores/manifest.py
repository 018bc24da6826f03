"""Manifest of the databases of a state directory: one that is lost is noticed.

Also once an empty one is in its place.

A database gets a number of its own when it is made, and the manifest has it by its name. An empty one that is made
where another was lost has another number, so that what is missing stays told until a backup is restored.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from goodhoster.linux.durable_files import replace_durably
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.sqlite_files import connect

FILE = "databases.json"
_LOCK = "databases.lock"


@dataclass(frozen=True, slots=True)
class KnownDatabase:
    """A database as it was when it was first seen."""

    what: str
    number: int
    """Its own; 0 where it was made before there were numbers, -1 where it is known only that there was one."""
    since: str


def enroll(database: sqlite3.Connection, file: Path, what: str) -> None:
    """Note a database that is open, where that was not done before.

    What cannot be written now is noted later.
    """
    with suppress(OSError, ValueError):
        if file.name in _read(file.with_name(FILE)):
            return
        known = KnownDatabase(what, _number(database), datetime.now(UTC).isoformat(timespec="seconds"))
        with _entries(file.with_name(FILE)) as entries:
            entries.setdefault(file.name, known)


def note_lost(file: Path, what: str, since: str) -> None:
    """Note that another database was there before this one, and is lost."""
    with _entries(file.with_name(FILE)) as entries:
        entries[file.name] = KnownDatabase(what, -1, since)


def lost(directory: Path) -> Mapping[str, str]:
    """The databases that are not there any more, by their names, with what is wrong in words."""
    manifest = directory / FILE
    try:
        known = _read(manifest)
    except (OSError, ValueError) as error:
        return {FILE: f"{manifest} cannot be read: {error}; restore it from a backup, or delete it: it is made anew"}
    hint = f"restore a backup (goodhoster state restore); where there is none, delete {manifest}: it is made anew"
    return {
        name: f"{entry.what} is lost: {why}, and the one that was there since {entry.since[:10]} is missing; {hint}"
        for name, entry in known.items()
        if (why := _missing(directory / name, entry))
    }


@contextmanager
def _entries(manifest: Path) -> Iterator[dict[str, KnownDatabase]]:
    """The entries to change; they are written when the block ends."""
    with FileLock(manifest.with_name(_LOCK)):
        entries = _read(manifest)
        yield entries
        content = {name: asdict(entry) for name, entry in entries.items()}
        replace_durably(manifest, [json.dumps(content, indent=1).encode("ascii")])


def _missing(file: Path, entry: KnownDatabase) -> str:
    if not file.exists():
        return f"there is no {file}"
    try:
        with closing(connect(file, read_only=True)) as database:
            number = _number(database)
    except sqlite3.Error:
        return ""  # damaged, or not to be read now: that is told by whoever uses it
    return "" if number == entry.number else f"{file} was made anew"


def _number(database: sqlite3.Connection) -> int:
    (number,) = database.execute("PRAGMA application_id").fetchone()
    return int(number)


def _read(manifest: Path) -> dict[str, KnownDatabase]:
    try:
        written = json.loads(manifest.read_bytes())
        return {str(name): KnownDatabase(**entry) for name, entry in written.items()}
    except FileNotFoundError:
        return {}
    except (TypeError, AttributeError) as error:
        raise ValueError(f"it is damaged: {error}") from error
