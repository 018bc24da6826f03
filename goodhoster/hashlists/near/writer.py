"""Writes one segment of a near list, with some 60 bytes of memory per entry meanwhile."""

from __future__ import annotations

import mmap
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from goodhoster.hashlists.directory import create
from goodhoster.hashlists.mapped_file import body_sum
from goodhoster.hashlists.near.entries import Entries
from goodhoster.hashlists.near.header import CATEGORIES, HEADER_SIZE, NearHeader
from goodhoster.hashlists.near.parts import bucket_bits
from goodhoster.hashlists.near.tables import Tables, file_size, fill, tables_in
from goodhoster.model.fingerprints import FingerprintKind


def write_segment(path: Path, whose: tuple[str, FingerprintKind], entries: Entries) -> None:
    """Write the entries of one list to a new segment file, durable when this returns.

    `whose` is the list's source and kind. The entries are ascending and without duplicates.
    """
    header = _header(whose, entries)
    with create(path) as file:
        # Disk space first: where it ends under a mapping, the process is killed.
        os.posix_fallocate(file.fileno(), 0, file_size(header))
        with mmap.mmap(file.fileno(), 0) as mapped:
            _fill(tables_in(mapped, header), entries, header.bits)
            mapped[:HEADER_SIZE] = replace(header, body=body_sum(mapped, HEADER_SIZE)).pack()
            mapped.flush()
        os.fsync(file.fileno())


def _header(whose: tuple[str, FingerprintKind], entries: Entries) -> NearHeader:
    source, kind = whose
    tally = zip(CATEGORIES, np.bincount(entries.categories, minlength=len(CATEGORIES)).tolist(), strict=True)
    return NearHeader(
        source=source,
        kind=kind,
        bits=bucket_bits(kind.width, len(entries)),
        count=len(entries),
        categories={category: count for category, count in tally if category and count},
        created=datetime.now(UTC).replace(microsecond=0),
    )


def _fill(tables: Tables, entries: Entries, bits: int) -> None:
    """Fill the arrays; a function of its own, so that none is left when the mapping is closed."""
    tables.values[:] = entries.values
    tables.categories[:] = entries.categories
    fill(tables, bits)
