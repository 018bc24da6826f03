"""Look-up of ids in the databases of a state directory, without opening them to write."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from functools import partial
from pathlib import Path

from goodhoster.errors import PermanentError
from goodhoster.linux.sqlite_files import connect, explained
from goodhoster.model.audit import RECORD_KINDS


def known_ids(directory: Path) -> dict[str, Callable[[Collection[str]], frozenset[str]]]:
    """Finds which of some ids are there, for each kind of record."""
    return {kind.name: partial(_known, directory / kind.database, kind.table) for kind in RECORD_KINDS}


def _known(file: Path, table: str, ids: Collection[str]) -> frozenset[str]:
    """Those of the ids that a table has; none where there is no such database.

    PermanentError when it cannot be read.
    """
    if not ids or not file.exists():
        return frozenset()
    query = f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own name
    try:
        with closing(connect(file, read_only=True)) as db:
            return frozenset(row[0] for row in db.execute(query, (json.dumps([*ids]),)))
    except sqlite3.Error as error:
        message = f"{file} cannot be compared with the audit log: {explained(error, file)}"
        raise PermanentError(message, hint="goodhoster state check") from error
