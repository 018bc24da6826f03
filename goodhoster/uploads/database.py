"""The index's database file: opened, set aside when damaged, and recreated when gone.

Machine-local SQLite in WAL mode: it survives `kill -9` at any point; after a power loss the last moments may be
missing. Neither matters, nor does losing all of it: it is not the record, and a scan rebuilds it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from goodhoster.errors import BusyError, ConfigurationError, IndexUnavailableError
from goodhoster.linux.sqlite_files import connect, explained
from goodhoster.linux.sqlite_migrations import Migration, Schema, upgrade
from goodhoster.uploads import clock_steps

_SCHEMA = """
CREATE TABLE IF NOT EXISTS directories (
  id INTEGER PRIMARY KEY, tree BLOB NOT NULL, path BLOB NOT NULL, customer TEXT NOT NULL, UNIQUE (tree, path)
);
CREATE TABLE IF NOT EXISTS uploads (
  directory INTEGER NOT NULL, name BLOB NOT NULL,
  waiting INTEGER NOT NULL,           -- 0: settled, 1: until it is due, 2: ready to be taken in its turn
  turn INTEGER NOT NULL, priority INTEGER NOT NULL,
  due REAL NOT NULL, since REAL NOT NULL, quiet REAL NOT NULL,
  hints INTEGER NOT NULL DEFAULT 1,   -- grows with every hint: a check settles only what it took
  tries INTEGER NOT NULL DEFAULT 0,
  dev INTEGER, ino INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,
  kind TEXT, md5 BLOB, sha1 BLOB, sha256 BLOB, fingerprints TEXT, members BLOB, fault TEXT,
  verdict TEXT, reason TEXT, detail TEXT, matches TEXT, checked_at REAL,
  PRIMARY KEY (directory, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_verdict ON uploads (verdict);
CREATE INDEX IF NOT EXISTS uploads_content ON uploads (sha256) WHERE sha256 IS NOT NULL;  -- see contents.py
CREATE INDEX IF NOT EXISTS uploads_inode ON uploads (ino) WHERE ino IS NOT NULL;
CREATE TABLE IF NOT EXISTS checks (slot INTEGER PRIMARY KEY, count INTEGER NOT NULL);  -- see census.py
CREATE TABLE IF NOT EXISTS compared (list TEXT PRIMARY KEY, version TEXT NOT NULL) WITHOUT ROWID;  -- see seen.py
CREATE TABLE IF NOT EXISTS scans (tree BLOB PRIMARY KEY, reached BLOB, completed_at REAL) WITHOUT ROWID;
"""
_WAITING = """
DROP INDEX IF EXISTS uploads_ready;   -- these four had no `waiting` or no `tries` in them, so that counting what waits
DROP INDEX IF EXISTS uploads_until;   -- looked up every row: a second and more for a million
DROP INDEX IF EXISTS uploads_in_turn;
DROP INDEX IF EXISTS uploads_deferred;
CREATE INDEX IF NOT EXISTS uploads_taken ON uploads (waiting, priority, turn, tries) WHERE waiting = 2;
CREATE INDEX IF NOT EXISTS uploads_put_off ON uploads (waiting, due, tries) WHERE waiting = 1;
"""
_ANSWERED = """
CREATE TABLE answer_sets (id INTEGER PRIMARY KEY, sources TEXT NOT NULL UNIQUE);  -- see rows.py
ALTER TABLE uploads ADD COLUMN answered INTEGER;
"""
_LEFT_OUT = "CREATE TABLE left_out (slot INTEGER PRIMARY KEY, count INTEGER NOT NULL);  -- see census.py"
INDEX = Schema(
    "the index",
    (
        Migration(3, (_SCHEMA,)),
        Migration(4, (_WAITING, clock_steps.SCHEMA, _ANSWERED)),
        Migration(5, (_LEFT_OUT,)),
    ),
    hint="delete it: a scan rebuilds it",
    backup=False,
)
_SETTINGS = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000;"
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_READERS_END_WITHIN = 10.0  # seconds
_POLL_SECONDS = 1.0  # seconds between looks whether the file is still there

Answer = TypeVar("Answer")


class Database:
    """One connection that threads share by locking. Processes may open the file side by side."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        self._looked = 0.0
        self.rebuilt: Callable[[str], None] = lambda _: None
        """Told, in words, when the index had to be made anew while it was in use: everything must be scanned."""
        try:
            self._db, self._inode = self._open()
        except (sqlite3.DatabaseError, OSError) as error:
            hint = "check the owner and mode of agent.state_dir and the free space there"
            raise ConfigurationError(f"the index {file} cannot be used: {explained(error, file)}", hint=hint) from error

    def run(self, operation: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Run a function in one transaction.

        On a damaged or deleted index it is run again, on a new and empty one.

        IndexUnavailableError when nothing can be written or read now (disk full, read-only, locked).
        """
        with self._lock:
            try:
                self._notice_absence()
                return self._transact_or_mend(operation)
            except (sqlite3.DatabaseError, OSError) as error:
                hint = "check the free space and the mount of agent.state_dir; what is missed is found by a scan"
                raise IndexUnavailableError(
                    f"the index {self._file} cannot be used now: {explained(error, self._file)}", hint=hint
                ) from error

    def erase(self, operation: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Run a function that deletes, so that the bytes are gone from the file too.

        BusyError, with the rows deleted, where another process reads for so long that the write-ahead log cannot be
        emptied.
        """
        with self._lock:
            self._db.execute("PRAGMA secure_delete = ON")
            answer = self.run(operation)
            end = time.monotonic() + _READERS_END_WITHIN
            while self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > end:
                    message = f"what was deleted may still stand in the write-ahead log of the index {self._file}"
                    raise BusyError(message, hint="another process reads it: run the command again in a minute")
                time.sleep(0.05)
        return answer

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _transact_or_mend(self, operation: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            return self._transact(operation)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._replace(f"the index {self._file} was damaged ({error}) and is set aside as {self._aside().name}")
            return self._transact(operation)

    def _transact(self, operation: Callable[[sqlite3.Connection], Answer]) -> Answer:
        with self._db:
            return operation(self._db)

    def _notice_absence(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _POLL_SECONDS:
            self._looked = now
            if _inode(self._file) != self._inode:
                self._replace(f"the index {self._file} was deleted or replaced while it was in use")

    def _replace(self, reason: str) -> None:
        """Replace the file, or just open it where another process replaced it before."""
        self._db.close()
        if _inode(self._file) == self._inode:
            self._set_aside()
        self._db, self._inode = self._open()
        self.rebuilt(reason)

    def _open(self) -> tuple[sqlite3.Connection, int | None]:
        try:
            if not self._is_cut():
                return self._connect(), _inode(self._file)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
        self._set_aside()
        return self._connect(), _inode(self._file)

    def _is_cut(self) -> bool:
        """Whether the file is shorter than its header says (sqlite.org/fileformat2.html 1.3.8).

        SQLite itself notices that only when it reads what is missing.
        """
        try:
            with self._file.open("rb") as file:
                header, size = file.read(100), os.fstat(file.fileno()).st_size
            log = self._file.with_name(self._file.name + "-wal")
            in_log = log.stat().st_size if log.exists() else 0
        except FileNotFoundError:
            return False
        if len(header) < 100 or in_log or header[24:28] != header[92:96]:  # noqa: PLR2004 - the length of a header
            return False
        page = int.from_bytes(header[16:18]) or 1
        return size < int.from_bytes(header[28:32]) * (65536 if page == 1 else page)

    def _connect(self) -> sqlite3.Connection:
        db = connect(self._file, threads=True, timeout=30)
        try:
            db.executescript(_SETTINGS)
            upgrade(db, self._file, INDEX)
        except (sqlite3.DatabaseError, ConfigurationError):
            db.close()
            raise
        return db

    def _set_aside(self) -> None:
        """Keep the damaged index for later inspection.

        One is enough, so the one before is overwritten.
        """
        self._file.replace(self._aside())
        for suffix in ("-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)

    def _aside(self) -> Path:
        return self._file.with_name(self._file.name + ".damaged")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _DAMAGED or code == sqlite3.SQLITE_IOERR_SHORT_READ  # a file that ends too early


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None
