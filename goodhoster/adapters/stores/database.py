"""One file of the record in SQLite.

Every change is one durable transaction; threads and processes may share it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from goodhoster.errors import BusyError, ConfigurationError, PermanentError
from goodhoster.linux.sqlite_files import connect, explained, is_for_want_of_room, number_of, write_ahead
from goodhoster.linux.sqlite_migrations import Schema, upgrade
from goodhoster.linux.state_manifest import enroll_database

Row = tuple[Any, ...]
_READERS_END_WITHIN = 10.0
"""Seconds in which other processes end what they are reading."""
_LOOKED_THROUGH = 64 << 20
"""Bytes of a file that is looked through before an empty answer counts: a fraction of a second."""
_AS_OWNER = "run this as root, or as the user who owns the state directory; is its disk writable?"


class RecordFile:
    """An open file of the record. `timeout`: seconds to wait while another process writes."""

    def __init__(self, file: Path, schema: Schema, timeout: float = 30.0) -> None:
        self._file = f"{schema.name} {file}"
        self._path, self._hint, self._schema = file, schema.hint, schema
        self._lock = threading.RLock()
        self._together = 0
        self._seen_whole = False
        self._db = _connect(file, schema, timeout)

    def opened_again(self) -> RecordFile:
        """This file by a connection of its own, to be closed by the caller."""
        return RecordFile(self._path, self._schema)

    def rows(self, query: str, values: tuple[object, ...] | Mapping[str, object] = ()) -> list[Row]:
        """All rows of a query; PermanentError where the file is damaged, even if it seems empty."""
        with self._readable_errors(), self._lock:
            found = self._db.execute(query, values).fetchall()
            if not found and not self._seen_whole:
                self._expect_whole()
            return found

    def _expect_whole(self) -> None:
        """Look through the file once before an empty answer, which damage may have caused."""
        try:
            size = self._path.stat().st_size
        except OSError:  # taken away while it is open: the manifest tells that
            return
        if size <= _LOOKED_THROUGH:
            problems = [str(row[0]) for row in self._db.execute("PRAGMA quick_check(1)")]
            if problems != ["ok"]:
                raise sqlite3.DatabaseError("; ".join(problems))
        self._seen_whole = True

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, or a part of the one that `together` started.

        sqlite3.IntegrityError is left to the caller, who knows what it means.
        """
        with self._readable_errors(), self._lock, nullcontext() if self._together else self._db:
            yield self._db

    @contextmanager
    def together(self) -> Iterator[None]:
        """Combine all changes of this thread in one transaction; may be nested."""
        with self.changing():
            self._together += 1
            try:
                yield
            finally:
                self._together -= 1

    @contextmanager
    def alone(self) -> Iterator[None]:
        """As `together`, and no other process changes anything meanwhile."""
        with self.together():
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def erasing(self) -> Iterator[sqlite3.Connection]:
        """One transaction in which what is deleted is overwritten, in the write-ahead log too.

        BusyError, with the rows deleted, where another process reads for so long that the log cannot be emptied.
        """
        self.rows("PRAGMA secure_delete = ON")
        with self.changing() as db:
            yield db
        end = time.monotonic() + _READERS_END_WITHIN
        while self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
            if time.monotonic() > end:
                message = f"what was deleted may still stand in the write-ahead log of {self._file}: it is being read"
                raise BusyError(message, hint="run the command again in a minute")
            time.sleep(0.05)

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        """Report errors of the disk or of locking with the name of the file."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                message = f"{self._file} is held by another process: {error}"
                raise BusyError(message, hint=f"find out which: fuser -v {self._path}") from error
            message = f"{self._file} cannot be used: {explained(error, self._path)}"
            raise PermanentError(message, hint=_hint(error, self._path) or "make room") from error
        except sqlite3.DatabaseError as error:
            raise PermanentError(f"{self._file} is damaged: {error}", hint=self._hint) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def time_text(moment: datetime | None) -> str | None:
    """A time as text that sorts in order of time; all times of the record are UTC."""
    return moment.isoformat(timespec="microseconds") if moment else None


def _hint(error: Exception, file: Path) -> str:
    """What helps where the file itself is not damaged: rights or room; empty otherwise."""
    if isinstance(error, PermissionError):
        return _AS_OWNER
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY}:
        return _AS_OWNER
    if is_for_want_of_room(error, file):
        return "make room on its disk"
    return "look what is wrong with its disk: journalctl -k" if code == sqlite3.SQLITE_IOERR else ""


def _connect(file: Path, schema: Schema, timeout: float) -> sqlite3.Connection:
    try:
        with ExitStack() as opening:
            db = opening.enter_context(closing(connect(file, threads=True, timeout=timeout)))
            write_ahead(db, timeout)
            db.execute("PRAGMA synchronous = FULL")
            upgrade(db, file, schema)
            if schema.irreplaceable:
                enroll_database(file, schema.name, number_of(db))
            opening.pop_all()
    except (sqlite3.DatabaseError, OSError) as error:
        hint = _hint(error, file) or schema.hint
        raise ConfigurationError(f"{schema.name} {file} cannot be used: {explained(error, file)}", hint=hint) from error
    return db
