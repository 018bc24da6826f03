"""Manifest of what a state directory must hold: databases, keys, accounts and the audit log.

What is lost is noticed by it, also once a new one is in its place.

A database gets a number of its own when it is made, and the manifest has it by its name. An empty one that is made
where another was lost has another number, so that what is missing stays told until a backup is restored or a person
accepts the loss. Of other files only that they are missing counts, or, where they never change, that they are others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from goodhoster.errors import RefusedError
from goodhoster.linux.durable_files import replace_durably
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.sqlite_files import number_in

FILE = "databases.json"
COPY = "manifest-copy.json"
"""What is read where the manifest itself is gone, perhaps with a part: each of the two is made again from the other."""
_LOCK = "databases.lock"
_CHANGING_FILE = -1
"""Number of a file that changes: it only must be there."""
_LOST_BEFORE = -2
"""Number of a database that was lost together with the manifest; none that is there has it."""
_DATABASE = ".sqlite"


@dataclass(frozen=True, slots=True)
class KnownPart:
    """A database or file as it was when it was first seen."""

    what: str
    number: int
    """Of a database its own, 0 where it was made before there were numbers; of a file by its content.

    Or one of those above.
    """
    since: str


def enroll_database(file: Path, what: str, number: int) -> None:
    """Note a database of that number, where that was not done before.

    What cannot be written now is noted later.
    """
    _enroll(file.parent, file.name, KnownPart(what, number, _now()))


def enroll_file(directory: Path, file: Path, what: str, never_changed: bytes = b"") -> None:
    """Note a file of that state directory, where that was not done before.

    `never_changed`: the content of a file that must stay the same. What cannot be written now is noted later.
    """
    number = _number_of(never_changed) if never_changed else _CHANGING_FILE
    _enroll(directory, part_name(directory, file), KnownPart(what, number, _now()))


def note_lost(directory: Path, name: str, what: str, since: str) -> None:
    """Note that another database was there before this one, and is lost."""
    with FileLock(directory / _LOCK):
        _save(directory, {**_read(directory), name: KnownPart(what, _LOST_BEFORE, since)})


def part_name(directory: Path, file: Path) -> str:
    """The name by which the manifest knows a file of that state directory."""
    return file.relative_to(directory).as_posix()


def is_known(directory: Path, file: Path) -> bool:
    """Whether that file was there once; so too where the manifest cannot be read."""
    try:
        return part_name(directory, file) in _read(directory)
    except (OSError, ValueError):
        return True


def lost(directory: Path) -> Mapping[str, str]:
    """The parts that are not there any more, by their names, with what is wrong in words."""
    try:
        known = _read(directory)
    except (OSError, ValueError) as error:
        hint = f"restore it from a backup, or delete it: it is made again from {COPY}"
        return {FILE: f"{directory / FILE} cannot be read: {error}; {hint}"}
    return {
        name: f"{entry.what} is lost: {why}, and the one that was there since {entry.since[:10]} is missing; "
        + hint_of(name)
        for name, entry in known.items()
        if (why := _missing(directory / name, entry))
    }


def hint_of(name: str) -> str:
    """What helps where that part is lost."""
    backup = "a backup" if name.endswith(_DATABASE) or name == "audit.log" else "a backup made --with-keys"
    return f"restore {backup} (goodhoster state restore); where there is none: goodhoster state accept-loss {name}"


def expect_lost(directory: Path, name: str) -> None:
    """RefusedError where that part is not lost."""
    if name == FILE or name not in lost(directory):
        raise RefusedError(f"{name[:80]!r} is not lost", hint="goodhoster state check tells what is")


def accept_loss(directory: Path, name: str) -> None:
    """Remove a lost part from the manifest: a new one may take its place.

    RefusedError where it is not lost.
    """
    with FileLock(directory / _LOCK):
        expect_lost(directory, name)
        _save(directory, {known: entry for known, entry in _read(directory).items() if known != name})


def _enroll(directory: Path, name: str, new: KnownPart) -> None:
    with suppress(OSError, ValueError):
        if name in _read(directory) and all((directory / each).exists() for each in (FILE, COPY)):
            return
        with FileLock(directory / _LOCK):
            entries = dict(_read(directory))
            entries.setdefault(name, new)
            _save(directory, entries)


def _save(directory: Path, entries: Mapping[str, KnownPart]) -> None:
    text = json.dumps({name: asdict(entry) for name, entry in entries.items()}, indent=1)
    for each in (FILE, COPY):
        replace_durably(directory / each, [text.encode("ascii")])


def _missing(file: Path, entry: KnownPart) -> str:
    """What is wrong with it, in words; empty where it is there."""
    if not file.exists():
        return f"there is no {file}"
    try:
        if file.suffix == _DATABASE:
            number = number_in(file)
        else:
            number = _CHANGING_FILE if entry.number == _CHANGING_FILE else _number_of(file.read_bytes())
    except OSError:
        return ""  # damaged, or not to be read now: that is told by whoever uses it
    return "" if number == entry.number else f"{file} was made anew"


def _number_of(content: bytes) -> int:
    return int.from_bytes(sha256(content).digest()[:6])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _read(directory: Path) -> dict[str, KnownPart]:
    """The parts by their names, from the copy where the manifest is gone."""
    for each in (FILE, COPY):
        try:
            written = json.loads((directory / each).read_bytes())
            return {str(name): KnownPart(**entry) for name, entry in written.items()}
        except FileNotFoundError:
            continue
        except (TypeError, AttributeError) as error:
            raise ValueError(f"it is damaged: {error}") from error
    return {}
