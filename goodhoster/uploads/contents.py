"""Where the same bytes are: the index asked the other way round. Reads only, beside whoever writes the index."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

from goodhoster.model.uploads import FileState, Place
from goodhoster.uploads.integers import signed


class IndexedContents:
    """A `ContentIndex` over the file of an `UploadIndex`. Threads may share it."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(f"file:{file}?mode=ro", uri=True, check_same_thread=False, timeout=30)

    def same_content(self, sha256: bytes) -> list[Place]:
        """By the index on digests."""
        return self._places("sha256 = ?", sha256)

    def same_file(self, dev: int, ino: int) -> list[Place]:
        """By the index on inodes."""
        return self._places("ino = ? AND dev = ?", signed(ino), dev)

    def sha256_of(self, place: Place, state: FileState) -> bytes | None:
        """Only where every part of the state is the same."""
        query = """SELECT sha256 FROM uploads WHERE tree = ? AND path = ?
            AND dev = ? AND ino = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ?"""
        times = signed(state.mtime_ns), signed(state.ctime_ns)
        key = (place.tree, place.path, state.dev, signed(state.ino), state.size, *times)
        with self._lock:
            row = self._db.execute(query, key).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _places(self, where: str, *values: Any) -> list[Place]:  # noqa: ANN401 - what SQLite holds
        query = f"SELECT tree, path FROM uploads WHERE {where} ORDER BY tree, path"  # noqa: S608 - our own texts
        with self._lock:
            return [Place(tree, path) for tree, path in self._db.execute(query, values)]
