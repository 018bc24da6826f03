"""The index's knowledge of a tree, by directory, for the comparison with the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from goodhoster.model.uploads import FileState
from goodhoster.uploads.database import Database
from goodhoster.uploads.rows import Row, RowWait, row_of_same_state

_PAGE = 500
_NUMBER = "(SELECT id FROM directories WHERE tree = ? AND path = ?)"
_STATES = f"""SELECT name, hints, since, waiting, ino, size, mtime_ns, ctime_ns FROM uploads
    WHERE directory = {_NUMBER}"""  # noqa: S608 - our own texts


_InHand = Callable[[bytes, bytes, bytes], bool]
"""Tree, directory, name: does a worker have it?"""


@dataclass(frozen=True, slots=True)
class Known:
    """A name of the index, as of one moment: a hint that comes later makes another one of it."""

    name: bytes
    hints: int
    since: float


@dataclass(frozen=True, slots=True)
class DirectoryComparison:
    """Comparison of a directory on the disk with the index."""

    unsettled: list[bytes]
    """Names that have no verdict in their present state and do not wait for one either. What a worker has in hand is
    unsettled: it may have been read before it changed.
    """
    missing: list[Known]
    """What the index knows and was not among the given files. It may have come after they were listed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of the comparison of a tree."""

    reached: bytes | None
    """The directory that was compared last in a scan that did not end; None when the last one ended."""
    completed_at: float | None
    """When the whole tree was last compared, seconds since the epoch; None: never."""


class Inventory:
    """Reading and removal of index rows, in bounded memory.

    No more than one directory or page is read at a time.
    """

    def __init__(self, database: Database, dropped: Callable[[str], None], in_hand: _InHand) -> None:
        self._database = database
        self._dropped = dropped
        self._in_hand = in_hand

    def compare(self, tree: bytes, directory: bytes, states: Mapping[bytes, FileState]) -> DirectoryComparison:
        """Compare a directory of which all regular files are given."""
        rows = self._rows(_STATES, (tree, directory))
        missing = [Known(*row[:3]) for row in rows if row[0] not in states]
        return DirectoryComparison(self._unsettled(tree, directory, rows, states), missing)

    def compare_part(self, tree: bytes, directory: bytes, states: Mapping[bytes, FileState]) -> DirectoryComparison:
        """Compare some of a directory's files; nothing is said of missing ones (see `known`)."""
        names = list(states)
        rows: list[Row] = []
        for start in range(0, len(names), _PAGE):
            page = names[start : start + _PAGE]
            marks = ", ".join("?" * len(page))
            rows += self._rows(f"{_STATES} AND name IN ({marks})", (tree, directory, *page))
        return DirectoryComparison(self._unsettled(tree, directory, rows, states), [])

    def known(self, tree: bytes, directory: bytes) -> Iterator[Sequence[Known]]:
        """All that the index knows in a directory, in pages; they may be dropped meanwhile."""
        query = f"""SELECT name, hints, since FROM uploads
            WHERE directory = {_NUMBER} AND name > ? ORDER BY name LIMIT ?"""  # noqa: S608
        for page in self._pages(query, (tree, directory)):
            yield [Known(*row) for row in page]

    def directories(self, tree: bytes) -> Iterator[Sequence[bytes]]:
        """All directories below the tree's root that the index knows, in pages.

        They may be dropped meanwhile.
        """
        query = "SELECT path FROM directories WHERE tree = ? AND path > ? ORDER BY path LIMIT ?"
        for page in self._pages(query, (tree,)):
            yield [path for (path,) in page]

    def drop(self, tree: bytes, directory: bytes, gone: Iterable[Known]) -> None:
        """Drop files that were seen to be gone after they were read here.

        What was hinted at since then stays. A row whose file was found known stays as the trace of it, but
        waits no longer.
        """
        keys = [(tree, directory, known.name, known.hints, known.since) for known in gone]
        if keys:
            as_read = f"directory = {_NUMBER} AND name = ? AND hints = ? AND since = ?"
            self._database.run(lambda db: _drop(db, as_read, keys))
            self._clear_directory(tree, directory)

    def drop_directory(self, tree: bytes, directory: bytes) -> None:
        """Drop a directory no longer ours to look at, and every file in it; see `drop`."""
        self._database.run(lambda db: _drop(db, f"directory = {_NUMBER}", [(tree, directory)]))
        self._clear_directory(tree, directory)

    def progress(self, tree: bytes) -> Progress:
        """Progress of the last scan of the tree."""
        rows = self._rows("SELECT reached, completed_at FROM scans WHERE tree = ?", (tree,))
        return Progress(*rows[0]) if rows else Progress(None, None)

    def note_progress(self, tree: bytes, progress: Progress) -> None:
        """Record the progress of a scan, so that the next one starts there."""
        values = (tree, progress.reached, progress.completed_at)
        self._database.run(lambda db: db.execute("INSERT OR REPLACE INTO scans VALUES (?, ?, ?)", values))

    def _rows(self, query: str, values: Row) -> list[Row]:
        return self._database.run(lambda db: db.execute(query, values).fetchall())

    def _pages(self, query: str, values: Row) -> Iterator[Sequence[Row]]:
        """Rows in the order of their first column."""
        after = b""
        while page := self._rows(query, (*values, after, _PAGE)):
            after = page[-1][0]
            yield page

    def _unsettled(
        self, tree: bytes, directory: bytes, rows: Iterable[Row], states: Mapping[bytes, FileState]
    ) -> list[bytes]:
        known = {row[0]: row[3:] for row in rows}

        def is_settled(name: bytes, state: FileState) -> bool:
            if (row := known.get(name)) is None:
                return False
            return row[1:] == row_of_same_state(state) or (row[0] > 0 and not self._in_hand(tree, directory, name))

        return [name for name, state in states.items() if not is_settled(name, state)]

    def _clear_directory(self, tree: bytes, directory: bytes) -> None:
        customer = self._rows("SELECT customer FROM directories WHERE tree = ? AND path = ?", (tree, directory))
        for (name,) in customer:
            self._dropped(name)
        empty = (
            f"DELETE FROM directories WHERE id = {_NUMBER} AND NOT EXISTS (SELECT 1 FROM uploads WHERE directory = id)"  # noqa: S608
        )
        self._database.run(lambda db: db.execute(empty, (tree, directory)))


def _drop(db: sqlite3.Connection, which: str, keys: Sequence[Row]) -> None:
    db.executemany(f"DELETE FROM uploads WHERE {which} AND verdict IS NOT 'known'", keys)  # noqa: S608 - our own texts
    waits = f"waiting > {RowWait.NOTHING:d}"
    db.executemany(f"UPDATE uploads SET waiting = {RowWait.NOTHING:d} WHERE {which} AND {waits}", keys)  # noqa: S608
