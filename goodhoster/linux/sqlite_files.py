"""Opening of SQLite files, with a place for SQLite's temporary ones.

A sort of more than the cache of a connection (2 MB, SQLite's default) is written to a file without a name. SQLite
chooses its folder when its library is loaded, long before a daemon knows its state directory and gives up every other
one: `/var/tmp` then looks writable and is not, and a sort of some 10,000 rows fails. So such files lie beside the first
database that a process opens, where it must be able to write anyway. The memory of a sort stays bounded by the cache.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from goodhoster.linux.durable_files import has_no_room

_placing = threading.Lock()
_WAIT = 5.0


def connect(
    file: Path, *, timeout: float = _WAIT, threads: bool = False, read_only: bool = False
) -> sqlite3.Connection:
    """Open a database of ours.

    `timeout`: seconds to wait for a lock; `threads`: several share the connection.
    """
    name = f"file:{quote(str(file.absolute()))}?mode=ro" if read_only else file
    db = sqlite3.connect(name, timeout=timeout, check_same_thread=not threads, uri=read_only)
    try:
        _place_temporary_files(db, file.absolute().parent)
    except BaseException:
        db.close()
        raise
    return db


def number_of(db: sqlite3.Connection) -> int:
    """The number that a database of ours got when it was made; 0 where it got none."""
    (number,) = db.execute("PRAGMA application_id").fetchone()
    return int(number)


def number_in(file: Path) -> int:
    """The number of the database in a file. OSError when it cannot be read."""
    try:
        with closing(connect(file, read_only=True)) as db:
            return number_of(db)
    except sqlite3.Error as error:
        raise OSError(str(error)) from error


def write_ahead(db: sqlite3.Connection, timeout: float = _WAIT) -> None:
    """Have a database written through a write-ahead log.

    Of two processes that open a new file at once SQLite refuses one, without waiting as it does elsewhere.
    """
    end = time.monotonic() + timeout
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(0.01)
        else:
            return


def is_of_database(error: BaseException) -> bool:
    """Whether an error was raised because a database cannot be read."""
    return isinstance(error.__cause__, sqlite3.DatabaseError)


def explained(error: Exception, file: Path) -> str:
    """What SQLite said of a file, in words that tell what to look for where its own do not."""
    if is_for_want_of_room(error, file):
        return f"its disk is full ({error})"
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN:
        return f"{error}: it, or a file that SQLite makes beside it (-wal, -shm, or a temporary one), may not be opened"
    return str(error)


def is_for_want_of_room(error: Exception, file: Path) -> bool:
    """Whether a file cannot be used because its disk is full.

    SQLite calls that an I/O error where it maps a file.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and has_no_room(file.parent))


def _place_temporary_files(db: sqlite3.Connection, folder: Path) -> None:
    """Put temporary files beside the database, for the whole process.

    In memory where that folder may not be written. Set once for a process: SQLite's other threads read the setting.
    """
    with _placing:
        if not _folder(db):
            quoted = str(folder).replace("'", "''")
            with suppress(sqlite3.OperationalError, UnicodeEncodeError):  # not ours to write: only to read
                db.execute(f"PRAGMA temp_store_directory = '{quoted}'")
    if not _folder(db):
        db.execute("PRAGMA temp_store = MEMORY")


def _folder(db: sqlite3.Connection) -> str:
    """The folder that is set; a library without this setting answers nothing."""
    row = db.execute("PRAGMA temp_store_directory").fetchone()
    return str(row[0] or "") if row else ""
