"""A segment of a near list: fingerprints of one source and kind in a read-only mapped file that all processes share.

Opening costs no time and no private memory however long the list is. `write` makes the files; the layout is told
in `header` and `tables`, how they are searched in `search`.
"""

from __future__ import annotations

import hashlib
import mmap
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from goodhoster.checking.near.header import HEADER_SIZE, NearHeader
from goodhoster.checking.near.parts import Values
from goodhoster.checking.near.search import Found, search
from goodhoster.checking.near.tables import file_size, tables_in
from goodhoster.errors import ConfigurationError

_BLOCK = 1 << 20


class Segment:
    """A segment, mapped. Any number of threads may ask; a replaced or removed file stays readable here."""

    def __init__(self, path: Path, mapped: mmap.mmap, header: NearHeader) -> None:
        self.header = header
        self.tables = tables_in(mapped, header)
        self._path = path
        self._mapped = mapped

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map the file; checks header and size only, `verify` reads everything.

        FileNotFoundError when there is none; ConfigurationError when it is damaged or cannot be read.
        """
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            header = NearHeader.unpack(mapped[:HEADER_SIZE])
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise _damaged(path, str(error)) from error
        size = file_size(header)
        if len(mapped) != size:
            raise _damaged(path, f"it has {len(mapped)} bytes where {size} were written")
        return cls(path, mapped, header)

    def __len__(self) -> int:
        return self.header.count

    def positions(self, values: Values) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Which of the values are entries, and the positions of those."""
        # As byte strings of one length these compare as they are sorted.
        text = f"S{values.shape[1]}"
        ours, asked = self.tables.values.view(text).ravel(), np.ascontiguousarray(values).view(text).ravel()
        found = np.searchsorted(ours, asked)
        there = found < len(ours)
        there[there] = ours[found[there]] == asked[there]
        return there, found[there]

    def search(self, asked: Values, limit: int) -> Found:
        """Every entry at most `limit` bits from one of the values asked, a row of the list's width each."""
        return search(self.tables, self.header.bits, asked, limit)

    def verify(self) -> None:
        """Read the whole file; ConfigurationError when it is not what was written."""
        if body_sum(self._mapped) != self.header.body:
            raise _damaged(self._path, "its content no longer has the checksum that was written")


def body_sum(mapped: mmap.mmap) -> str:
    """The checksum of everything after the header, as the header carries it."""
    body = hashlib.sha256()
    for start in range(HEADER_SIZE, len(mapped), _BLOCK):
        body.update(mapped[start : start + _BLOCK])
    return body.hexdigest()


def _damaged(path: Path, why: str) -> ConfigurationError:
    hint = "import the list again with --replace, or take it away: goodhoster hashlist remove SOURCE"
    return ConfigurationError(f"the hash list {path} cannot be used: {why}", hint=hint)
