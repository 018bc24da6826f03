"""One file of the record: SQLite, every change one durable transaction; threads and processes may share it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from goodhoster.errors import BusyError, ConfigurationError, PermanentError

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one file; a file of another version is not touched."""

    version: int
    tables: str


class RecordFile:
    """An open file of the record. `patience`: seconds to wait while another process writes."""

    def __init__(self, file: Path, schema: Schema, patience: float = 30.0) -> None:
        self._file = file
        self._lock = threading.RLock()
        self._together = False
        self._db = _connect(file, schema, patience)

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[Row]:
        """All rows of a query."""
        with self._readable_errors(), self._lock:
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; sqlite3.IntegrityError is left to the caller, who knows what it means."""
        with self._readable_errors(), self._lock, nullcontext() if self._together else self._db:
            yield self._db

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread changes inside is one transaction."""
        with self.changing():
            self._together = True
            try:
                yield
            finally:
                self._together = False

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        """What the disk or another process does to us says which file."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                message = f"the record {self._file} is held by another process: {error}"
                raise BusyError(message, hint="find out which: fuser -v " + str(self._file)) from error
            raise PermanentError(f"the record {self._file} cannot be used: {error}", hint="make room") from error
        except sqlite3.DatabaseError as error:
            hint = "this is the record: restore it from a backup, do not delete it"
            raise PermanentError(f"the record {self._file} is damaged: {error}", hint=hint) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def time_text(moment: datetime | None) -> str | None:
    """A moment so that the order of texts is the order of time; all moments of the record are UTC."""
    return moment.isoformat(timespec="microseconds") if moment else None


def _connect(file: Path, schema: Schema, patience: float) -> sqlite3.Connection:
    try:
        with ExitStack() as opening:
            db = opening.enter_context(closing(sqlite3.connect(file, check_same_thread=False, timeout=patience)))
            db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version not in {0, schema.version}:
                raise ConfigurationError(f"{file} was written by another version ({version})", hint="use that version")
            db.executescript(schema.tables + f"PRAGMA user_version = {schema.version};")
            opening.pop_all()
    except sqlite3.DatabaseError as error:
        hint = "this is the record: restore it from a backup, do not delete it"
        raise ConfigurationError(f"the record {file} cannot be used: {error}", hint=hint) from error
    return db
