"""Databases that were opened and not closed, whether or not anything refers to them any more."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def all_closed() -> Iterator[None]:
    """Expect that each database that is opened meanwhile is closed at the end."""
    opened: list[tuple[str, sqlite3.Connection]] = []
    connect = sqlite3.connect

    def remembered(*args: object, **more: object) -> sqlite3.Connection:
        opened.append((str(args[0]), connect(*args, **more)))  # type: ignore[call-overload]
        return opened[-1][1]

    with patch.object(sqlite3, "connect", remembered):
        yield
    assert [name for name, db in opened if _is_open(db)] == [], "left open"


def _is_open(db: sqlite3.Connection) -> bool:
    try:
        return db.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False
