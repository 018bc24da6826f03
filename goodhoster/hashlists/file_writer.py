"""Writes one list file from records that come in order; the layout is in `file_header`."""

from __future__ import annotations

import hashlib
import itertools
import os
from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from goodhoster.hashlists.digest_list import Entry
from goodhoster.hashlists.directory import create
from goodhoster.hashlists.file_header import HEADER_SIZE, Header, padding
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

_GRAVEST_FIRST = tuple(Category)
_ENDS = {category: bytes([rank]) for rank, category in enumerate(_GRAVEST_FIRST)}
_BLOCK = 1 << 12  # records
_PER_BUCKET = 16  # records at most on average; measured: anything from 3 to 24 is as fast


def record(entry: Entry) -> bytes:
    """Encode an entry as it is stored in a file.

    Of equal digests the one with the gravest category sorts first.
    """
    value, category = entry
    return value + _ENDS[category]


def write_list(path: Path, whose: tuple[str, Algorithm], records: Iterable[bytes], *, expected: int) -> None:
    """Write the records of one list to a new file, durable when this returns.

    `whose` is the list's source and algorithm. `records` ascend; of equal digests the first is kept. `expected` is how
    many come, roughly: it sizes the buckets.
    """
    bits = min(32, (expected // _PER_BUCKET).bit_length())
    counts = array("I", bytes(4 * ((1 << bits) + 1)))
    with create(path) as file:
        file.write(bytes(HEADER_SIZE))
        body = _Body(file)
        categories = _write_records(body, _each_once(records), counts)
        body.write(bytes(padding(body.size)))
        body.write(array("I", itertools.accumulate(counts)).tobytes())
        source, algorithm = whose
        now = datetime.now(UTC).replace(microsecond=0)
        file.seek(0)
        file.write(Header(source, algorithm, bits, categories, now, body.sum.digest()).pack())
        file.flush()
        os.fsync(file.fileno())


class _Body:
    """Everything after the header, checksummed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sum = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.sum.update(data)
        self.size += len(data)


def _each_once(records: Iterable[bytes]) -> Iterator[bytes]:
    last = b""
    for entry in records:
        value = entry[:-1]
        if value != last:
            yield entry
            last = value


def _write_records(body: _Body, records: Iterator[bytes], counts: array[int]) -> dict[Category, int]:
    """Count each record in the bucket after its own, and by category."""
    shift = 32 - (len(counts) - 1).bit_length() + 1
    tally = [0] * len(_GRAVEST_FIRST)
    while block := list(itertools.islice(records, _BLOCK)):
        for entry in block:
            counts[(int.from_bytes(entry[:4]) >> shift) + 1] += 1
        written = b"".join(block)
        body.write(written)
        size = len(block[0])
        ends = written[size - 1 :: size]
        tally = [count + ends.count(rank) for rank, count in enumerate(tally)]
    return dict(zip(_GRAVEST_FIRST, tally, strict=True))
