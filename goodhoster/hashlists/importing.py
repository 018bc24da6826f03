"""Imports entries into the lists of a source: any number, in bounded memory, all or nothing.

Entries are sorted in runs that go to an unnamed temporary file, merged with what the source has already, and written to
new files beside the lists; only when all of them are complete and durable do they replace the lists. A process killed
at any point leaves complete lists; the next import deletes what it left behind. (Algorithms are replaced one after the
other: after a kill between two of them, import the same file again.)

A digest that comes more than once is kept once, with the gravest of its categories: baseline, illegal, investigative,
other, unspecified. So adding never makes an entry less grave; replacing can.
"""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.hashlists.digest_list import DigestList, Entry
from goodhoster.hashlists.directory import disk_errors_explained, import_lock, sync, temporary_path
from goodhoster.hashlists.file_names import check_source, list_files, list_path
from goodhoster.hashlists.file_writer import record, write_list
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category

_RUN = 1 << 20  # records sorted at a time: some 100 MB of memory
_BLOCK = 1 << 12  # records read back at a time


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import for one list."""

    source: str
    algorithm: Algorithm | FingerprintKind
    entries: int
    """How many the list has now."""
    added: int
    """Digests it did not have before."""
    removed: int = 0
    """Digests it had before and has no longer."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A list that was removed."""

    source: str
    algorithm: Algorithm | FingerprintKind
    entries: int | None
    """How many it had; None when it could not be read."""


def import_entries(
    directory: Path, source: str, entries: Iterable[tuple[bytes, Category | None]], *, replace: bool = False
) -> tuple[Imported, ...]:
    """Add entries to a source's lists, withdraw those without a category, or replace its lists.

    One result per algorithm that was given; with `replace` also per algorithm that the source lost.

    Raises ConfigurationError (no entries, a bad name, a damaged list to add to), whatever `entries` raises,
    BusyError (another import is running) and PermanentError (the disk is full or fails), and then nothing was
    changed; a disk that fails while the new lists replace the old ones says so.
    """
    check_source(source)
    with (
        disk_errors_explained(directory, "the lists there are unchanged"),
        import_lock(directory),
        ExitStack() as stack,
    ):
        changes = _sorted_by_algorithm(entries, directory, stack)
        if not changes:
            hint = "check the file; to remove the lists: goodhoster hashlist remove " + source
            raise ConfigurationError(f"no digest was found to import for {source}", hint=hint)
        changes = [each for each in changes if len(each.added) or list_path(directory, source, each.algorithm).exists()]
        results = [_build(directory, source, each, replace=replace) for each in changes]
        given = [each.algorithm for each in changes]
        lost = {old: size for old, size in _lists_of(directory, source) if replace and old not in given}
        _put_in_place(directory, source, given, lost)
        return (*results, *(Imported(source, old, 0, 0, size or 0) for old, size in lost.items()))


def remove_lists(directory: Path, source: str, algorithm: Algorithm | None = None) -> tuple[Removed, ...]:
    """Remove the source's lists, or the one by that algorithm. RefusedError when there is none."""
    wanted = {old: size for old, size in _lists_of(directory, source) if algorithm in {None, old}}
    if not wanted:
        hint = "see: goodhoster hashlist list"
        raise RefusedError(f"there is no such hash list of {source[:80]!r}", hint=hint)
    with disk_errors_explained(directory, "the lists there are unchanged"), import_lock(directory):
        _put_in_place(directory, source, [], wanted)
    return tuple(Removed(source, old, size) for old, size in wanted.items())


class _SortedRuns:
    """Records of one algorithm, sorted in runs on disk."""

    def __init__(self, algorithm: Algorithm, file: BinaryIO) -> None:
        self.algorithm = algorithm
        self._file = file
        self._pending: list[bytes] = []
        self._runs: list[tuple[int, int]] = []

    def add(self, entry: bytes) -> None:
        self._pending.append(entry)
        if len(self._pending) >= _RUN:
            self._spill()

    def __len__(self) -> int:
        end = self._runs[-1][1] if self._runs else 0
        return len(self._pending) + end // (self.algorithm.width + 1)

    def records(self) -> Iterator[bytes]:
        """All of them in order."""
        self._spill()
        self._file.flush()
        return heapq.merge(*(self._run(start, end) for start, end in self._runs))

    def _spill(self) -> None:
        start = self._file.tell()
        self._pending.sort()
        self._file.write(b"".join(self._pending))
        self._pending.clear()
        self._runs.append((start, self._file.tell()))

    def _run(self, start: int, end: int) -> Iterator[bytes]:
        size = self.algorithm.width + 1
        for at in range(start, end, size * _BLOCK):
            block = os.pread(self._file.fileno(), min(size * _BLOCK, end - at), at)
            for cut in range(0, len(block), size):
                yield block[cut : cut + size]


@dataclass(frozen=True, slots=True)
class _Changes:
    """The changes of an import for one algorithm."""

    added: _SortedRuns
    withdrawn: _SortedRuns
    """Of which the categories mean nothing."""

    @property
    def algorithm(self) -> Algorithm:
        return self.added.algorithm


def _sorted_by_algorithm(
    entries: Iterable[tuple[bytes, Category | None]], directory: Path, stack: ExitStack
) -> list[_Changes]:
    """Sort the entries by algorithm; algorithms without entries are left out."""

    def pile(algorithm: Algorithm) -> _SortedRuns:
        return _SortedRuns(algorithm, stack.enter_context(tempfile.TemporaryFile(dir=directory)))

    changes = {algorithm.width: _Changes(pile(algorithm), pile(algorithm)) for algorithm in Algorithm}
    for value, category in entries:
        changed = changes[len(value)]
        if category is None:
            changed.withdrawn.add(record((value, Category.UNSPECIFIED)))
        else:
            changed.added.add(record((value, category)))
    return [changed for changed in changes.values() if len(changed.added) or len(changed.withdrawn)]


def _build(directory: Path, source: str, changes: _Changes, *, replace: bool) -> Imported:
    """Write the new file beside the list."""
    path = list_path(directory, source, changes.algorithm)
    old = _old_list(path, replace=replace)
    before = len(old or ())
    kept = map(record, _without(old or (), changes.withdrawn.records())) if not replace else iter(())
    records = heapq.merge(changes.added.records(), kept)
    write_list(temporary_path(path), (source, changes.algorithm), records, expected=len(changes.added) + before)
    new = DigestList.open(temporary_path(path))
    added = _count_new(old, new) if old and (replace or len(changes.withdrawn)) else len(new) - before
    return Imported(source, changes.algorithm, len(new), added, before + added - len(new))


def _without(entries: Iterable[Entry], records: Iterator[bytes]) -> Iterator[Entry]:
    """The entries that have none of these records' digests; both ascend."""
    gone = next(records, b"")
    for entry in entries:
        while gone and gone[:-1] < entry[0]:
            gone = next(records, b"")
        if gone[:-1] != entry[0]:
            yield entry


def _old_list(path: Path, *, replace: bool) -> DigestList | None:
    """The current list, undamaged; a damaged one is repaired by replacing it."""
    try:
        old = DigestList.open(path)
        old.verify()
    except FileNotFoundError:
        return None
    except ConfigurationError:
        if replace:
            return None
        raise
    return old


def _count_new(old: DigestList, new: DigestList) -> int:
    return sum(old.find(value) is None for value, _ in new)


def _lists_of(directory: Path, source: str) -> list[tuple[Algorithm, int | None]]:
    """The source's lists with their lengths."""
    return [(algorithm, _length(path)) for path, whose, algorithm in list_files(directory) if whose == source]


def _length(path: Path) -> int | None:
    try:
        return len(DigestList.open(path))
    except (ConfigurationError, FileNotFoundError):
        return None


def _put_in_place(directory: Path, source: str, built: Iterable[Algorithm], gone: Iterable[Algorithm]) -> None:
    with disk_errors_explained(directory, "each list there is whole, some may be new already"):
        for algorithm in built:
            path = list_path(directory, source, algorithm)
            temporary_path(path).rename(path)
        for algorithm in gone:
            list_path(directory, source, algorithm).unlink(missing_ok=True)
        sync(directory)
