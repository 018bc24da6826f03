"""Schema migrations of SQLite files: numbered, with a backup file made before.

After a downgrade the file is refused with a clear message. A file states its version in `PRAGMA user_version`. All that
is missing is done in one transaction: a crash leaves the file as it was. Processes that open it at once upgrade it
once.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from goodhoster.errors import ConfigurationError
from goodhoster.linux.durable_files import sync_directory
from goodhoster.linux.sqlite_files import connect

_LARGEST_NUMBER = (1 << 31) - 1
"""Each database is given a number, by which an empty one in the place of a lost one is told."""
Step = str | Callable[[sqlite3.Connection, Path], None]
"""SQL, or a function that migrates; it gets the path of the file, too."""


@dataclass(frozen=True, slots=True)
class Migration:
    """The step to a version from the one before it."""

    version: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of one file: its tables and the migrations to them."""

    name: str
    """What the file is, in messages, such as "the record"."""
    migrations: tuple[Migration, ...]
    """In order. The first makes the tables and must be able to find them: files before it told no version."""
    hint: str = "this is the record: restore it from a backup, do not delete it"
    """What to do when it is damaged."""
    backup: bool = True
    """Whether a backup is made before an upgrade."""
    irreplaceable: bool = False
    """Whether its loss must be noticed: it is in the manifest of its directory then."""

    @property
    def version(self) -> int:
        """The newest version."""
        return self.migrations[-1].version


@dataclass(frozen=True, slots=True)
class ExpiringTable:
    """A table, and when its rows expire."""

    name: str
    key: tuple[str, ...]
    expired: str
    """An SQL condition on a row; `:before` stands for the time before which things are over."""
    before: Callable[[datetime], str] = lambda moment: moment.isoformat(timespec="microseconds")
    """The form in which the table writes times."""


def rename_json_keys(table: str, names: Mapping[str, str]) -> Step:
    """Make the step that renames keys of the JSON objects in the column `body` of a table."""

    def renamed(body: str) -> str:
        values = {names.get(key, key): value for key, value in json.loads(body).items()}
        return json.dumps(values, separators=(",", ":"), ensure_ascii=False)

    def step(db: sqlite3.Connection, _: Path) -> None:
        db.create_function("renamed", 1, renamed, deterministic=True)
        has_one = " OR ".join("json_type(body, ?) IS NOT NULL" for _ in names)
        db.execute(f"UPDATE {table} SET body = renamed(body) WHERE {has_one}", [f"$.{name}" for name in names])  # noqa: S608 - our own texts

    return step


def upgrade(db: sqlite3.Connection, file: Path, schema: Schema) -> None:
    """Bring an open file to the newest version.

    ConfigurationError when it is newer than this program, or too old; sqlite3.Error when it cannot be written: it
    is as it was then.
    """
    if version_of(db) == schema.version:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        found = version_of(db)  # another process may have been first
        _expect_readable(file, schema, found)
        if _is_new(db):
            db.execute(f"PRAGMA application_id = {secrets.randbelow(_LARGEST_NUMBER) + 1}")
        elif schema.backup and found < schema.version:
            _back_up(file, found)
        for migration in schema.migrations:
            if migration.version > found:
                _apply(db, file, migration)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite may have rolled it back itself: on a full disk, or when it was interrupted
            db.execute("ROLLBACK")
        raise


def version_of(db: sqlite3.Connection) -> int:
    """The version that the file states; 0 for a new one."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def backup_of(file: Path, version: int) -> Path:
    """The path of the backup of the file in that version, made before it was upgraded."""
    return file.with_name(f"{file.name}.version-{version}")


def _expect_readable(file: Path, schema: Schema, found: int) -> None:
    if found > schema.version:
        message = (
            f"{schema.name} {file} was written by a newer goodhoster: its format is {found}, "
            f"and this version reads up to {schema.version}"
        )
        backup = backup_of(file, schema.version)
        older = f"; {backup} is how it was before it was upgraded" if backup.exists() else ""
        raise ConfigurationError(message, hint=f"install the newer goodhoster again{older}")
    if 0 < found < schema.migrations[0].version:
        hint = "upgrade by way of a version in between"
        raise ConfigurationError(
            f"{schema.name} {file} has format {found}, which is too old for this version", hint=hint
        )


def _is_new(db: sqlite3.Connection) -> bool:
    return not db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()


def _apply(db: sqlite3.Connection, file: Path, migration: Migration) -> None:
    for step in migration.steps:
        if callable(step):
            step(db, file)
        else:
            for statement in _statements(step):
                db.execute(statement)
    db.execute(f"PRAGMA user_version = {migration.version}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError(f"no whole statement: {statement}")


def _back_up(file: Path, version: int) -> None:
    """Copy the file as it is on disk, which nobody can change while we hold it.

    Only its owner may read the copy.
    """
    backup = backup_of(file, version)
    draft = backup.with_name(backup.name + ".new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(connect(file)) as source, closing(connect(draft)) as target:
        source.backup(target)
    draft.rename(backup)
    sync_directory(backup.parent)
