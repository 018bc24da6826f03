"""A segment of a near list: fingerprints of one source and kind in a mapped file.

The file is read-only and shared by all processes. Opening costs no time and no private memory however long the list is.
`writer` makes the files; the layout is described in `header` and `tables`, how they are searched in `search`.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from goodhoster.hashlists.mapped_file import body_sum, check_body, check_size, mapped_list
from goodhoster.hashlists.near.header import HEADER_SIZE, NearHeader
from goodhoster.hashlists.near.parts import Values
from goodhoster.hashlists.near.prefilter import Prefilter
from goodhoster.hashlists.near.search import NearPairs, search
from goodhoster.hashlists.near.tables import Numbers, file_size, tables_in


class Segment:
    """A mapped segment.

    Any number of threads may use it at once; a file that is replaced or removed stays readable here.
    """

    def __init__(self, path: Path, mapped: mmap.mmap, header: NearHeader) -> None:
        self.header = header
        self.tables = tables_in(mapped, header)
        self._path = path
        self._mapped = mapped
        self._prefilters: dict[int, Prefilter | None] = {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map the file; checks header and size only, `verify` reads everything.

        FileNotFoundError when there is none; ConfigurationError when it is damaged or cannot be read.
        """
        mapped, header = mapped_list(path, HEADER_SIZE, NearHeader.unpack)
        check_size(path, mapped, file_size(header))
        return cls(path, mapped, header)

    def __len__(self) -> int:
        return self.header.count

    def positions(self, values: Values) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """The values that are entries, and the positions of those entries."""
        # As byte strings of one length these compare as they are sorted.
        text = f"S{values.shape[1]}"
        ours, asked = self.tables.values.view(text).ravel(), np.ascontiguousarray(values).view(text).ravel()
        found = np.searchsorted(ours, asked)
        there = found < len(ours)
        there[there] = ours[found[there]] == asked[there]
        return there, found[there]

    def search(self, asked: Values, limit: int) -> NearPairs:
        """Every entry at most `limit` bits from one of the values asked.

        Each of the values asked is a row of the list's width.
        """
        return search(self.tables, self.header.bits, asked, limit)

    def touched(self, asked: Values, limit: int) -> Numbers:
        """Positions of the values that are at most `limit` bits from an entry.

        Meant for very many values. What makes this fast is kept for the next call.
        """
        if limit not in self._prefilters:
            self._prefilters[limit] = Prefilter.of(self.tables.values, limit)
        prefilter = self._prefilters[limit]
        some = prefilter.passed(asked) if prefilter else np.arange(len(asked))
        return some[np.unique(self.search(asked[some], limit).asked)]

    def verify(self) -> None:
        """Read the whole file; ConfigurationError when it is not what was written."""
        check_body(self._path, body_sum(self._mapped, HEADER_SIZE), self.header.body)
