"""Reverse look-up in the index: the places of the same bytes."""

from __future__ import annotations

from collections.abc import Iterable

from goodhoster.model.uploads import FileState, Place, display
from goodhoster.uploads.database import Database
from goodhoster.uploads.index import UploadIndex
from goodhoster.uploads.integers import signed
from goodhoster.uploads.rows import Row, joined, key_of, row_of_same_state


def coverage_gap(index: UploadIndex, trees: Iterable[bytes]) -> str:
    """What the index does not know yet, in words: a copy there is not found.

    Empty where every tree was compared once and no file waits for its first check.
    """
    new = [display(tree) for tree in trees if index.inventory.progress(tree).completed_at is None]
    gaps = [f"the first comparison of {', '.join(new)} has not ended"] if new else []
    if waiting := index.untried():
        gaps.append(f"{waiting} files wait for their first check")
    return "; ".join(gaps)


class IndexedContents:
    """A `ContentIndex` over the database of an `UploadIndex`. Threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def same_content(self, sha256: bytes) -> list[Place]:
        """Places with this content, by the index on digests."""
        return self._places("sha256 = ?", (sha256,))

    def same_file(self, ino: int) -> list[Place]:
        """Places with this inode, by the index on inodes."""
        return self._places("ino = ?", (signed(ino),))

    def sha256_of(self, place: Place, state: FileState) -> bytes | None:
        """SHA-256 of a file, only where every part of the state is the same."""
        query = """SELECT sha256 FROM uploads JOIN directories ON id = directory
            WHERE tree = ? AND path = ? AND name = ?
            AND ino = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ?"""
        values = (*key_of(place), *row_of_same_state(state))
        row = self._database.run(lambda db: db.execute(query, values).fetchone())
        return row[0] if row else None

    def _places(self, where: str, values: Row) -> list[Place]:
        query = f"SELECT tree, path, name FROM uploads JOIN directories ON id = directory WHERE {where}"  # noqa: S608 - our own texts
        rows = self._database.run(lambda db: db.execute(query, values).fetchall())
        return sorted((Place(tree, joined(path, name)) for tree, path, name in rows), key=lambda place: place.absolute)
