"""Imports entries into the lists of a source: any number, in bounded memory, all or nothing.

Entries are sorted in runs that go to a nameless temporary file, merged with what the source has already,
and written to new files beside the lists; only when all of them are whole and durable do they take the lists'
places. Whoever is killed at any point leaves whole lists; what lies around is swept away by the next import.
(Algorithms take their places one after the other: a kill between two of them is made good by importing the
same file again.)

A digest that comes more than once is kept once, with the gravest of its categories: baseline, illegal,
investigative, other, unspecified. So adding never makes an entry less grave; replacing can.
"""

from __future__ import annotations

import errno
import fcntl
import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from goodhoster.checking.digestlist import DigestList, Entry
from goodhoster.checking.listnames import check_source, list_files, list_path
from goodhoster.checking.listwrite import record, write_list
from goodhoster.errors import BusyError, ConfigurationError, PermanentError, RefusedError
from goodhoster.model.digests import Algorithm

_RUN = 1 << 20  # records sorted at a time: some 100 MB of memory
_BLOCK = 1 << 12  # records read back at a time
_NEW = ".new"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made of one list."""

    source: str
    algorithm: Algorithm
    entries: int
    """How many the list has now."""
    added: int
    """Digests it did not have before."""
    removed: int = 0
    """Digests it had before and has no longer."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A list that was taken away."""

    source: str
    algorithm: Algorithm
    entries: int | None
    """How many it had; None when it could not be read."""


def import_entries(
    directory: Path, source: str, entries: Iterable[Entry], *, replace: bool = False
) -> tuple[Imported, ...]:
    """Add the entries to what the source has, or make them all that it has.

    One result per algorithm that was given; with `replace` also per algorithm that the source lost.

    Raises ConfigurationError (no entries, a bad name, a damaged list to add to), whatever `entries` raises,
    BusyError (another import is at work) and PermanentError (the disk is full or fails), and then nothing was
    changed; a disk that fails while the new lists take their places says so.
    """
    check_source(source)
    with _disk(directory, "the lists there are unchanged"), _alone(directory), ExitStack() as stack:
        piles = _pile_up(entries, directory, stack)
        if not piles:
            hint = "check the file; to take the lists away: goodhoster hashlist remove " + source
            raise ConfigurationError(f"no digest was found to import for {source}", hint=hint)
        results = [_build(directory, source, pile, replace=replace) for pile in piles]
        given = {pile.algorithm for pile in piles}
        lost = [old for old in _lists_of(directory, source) if replace and old.algorithm not in given]
        _put_in_place(directory, results, lost)
        return (*results, *(Imported(source, old.algorithm, 0, 0, old.entries or 0) for old in lost))


def remove_lists(directory: Path, source: str, algorithm: Algorithm | None = None) -> tuple[Removed, ...]:
    """Take away the source's lists, or the one by that algorithm. RefusedError when there is none."""
    wanted = [old for old in _lists_of(directory, source) if algorithm in {None, old.algorithm}]
    if not wanted:
        hint = "see: goodhoster hashlist list"
        raise RefusedError(f"there is no such hash list of {source[:80]!r}", hint=hint)
    with _disk(directory, "the lists there are unchanged"), _alone(directory):
        _put_in_place(directory, [], wanted)
    return tuple(wanted)


class _Pile:
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


def _pile_up(entries: Iterable[Entry], directory: Path, stack: ExitStack) -> list[_Pile]:
    """The entries by algorithm; algorithms without any are left out."""
    piles: dict[int, _Pile] = {}
    for algorithm in Algorithm:
        file = stack.enter_context(tempfile.TemporaryFile(dir=directory))  # noqa: SIM115 - that does close it
        piles[algorithm.width] = _Pile(algorithm, file)
    for entry in entries:
        piles[len(entry[0])].add(record(entry))
    return [pile for pile in piles.values() if len(pile)]


def _build(directory: Path, source: str, pile: _Pile, *, replace: bool) -> Imported:
    """Write the new file beside the list."""
    path = list_path(directory, source, pile.algorithm)
    old = _old_list(path, replace=replace)
    before = len(old or ())
    kept = map(record, old) if old and not replace else iter(())
    records = heapq.merge(pile.records(), kept)
    write_list(_new(path), (source, pile.algorithm), records, expected=len(pile) + before)
    new = DigestList.open(_new(path))
    added = _count_new(old, new) if old and replace else len(new) - before
    return Imported(source, pile.algorithm, len(new), added, before + added - len(new))


def _old_list(path: Path, *, replace: bool) -> DigestList | None:
    """The list there is, undamaged; replacing is how a damaged one is made good."""
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


def _lists_of(directory: Path, source: str) -> list[Removed]:
    return [
        Removed(source, algorithm, _length(path)) for path, whose, algorithm in list_files(directory) if whose == source
    ]


def _length(path: Path) -> int | None:
    try:
        return len(DigestList.open(path))
    except (ConfigurationError, FileNotFoundError):
        return None


def _new(path: Path) -> Path:
    return path.with_name(path.name + _NEW)


def _put_in_place(directory: Path, built: Iterable[Imported], gone: Iterable[Removed]) -> None:
    with _disk(directory, "each list there is whole, some may be new already"):
        for new in built:
            path = list_path(directory, new.source, new.algorithm)
            _new(path).rename(path)
        for old in gone:
            list_path(directory, old.source, old.algorithm).unlink(missing_ok=True)
        with _directory(directory) as fd:
            os.fsync(fd)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """The only importer of this directory, which is made where missing; BusyError when there is another.

    The lock goes with the process, so that nobody has to clean up after a kill.
    """
    _make(directory)
    with _directory(directory) as fd:
        _lock(fd, directory)
        try:
            _sweep(directory)
            yield
        finally:
            _sweep(directory)


@contextmanager
def _directory(directory: Path) -> Iterator[int]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def _lock(fd: int, directory: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        hint = "wait until it has ended, then try again"
        raise BusyError(f"another import into {directory} is at work", hint=hint) from error


def _make(directory: Path) -> None:
    """Make the directory, for whom the one above it belongs to."""
    if directory.is_dir():
        return
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        owner = directory.parent.stat()
        os.chown(directory, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _sweep(directory: Path) -> None:
    """Take away what an import that was cut short has left."""
    for left in directory.glob(f"*{_NEW}"):
        left.unlink()


@contextmanager
def _disk(directory: Path, state: str) -> Iterator[None]:
    """What the disk refuses, in words, and in which state that leaves the lists."""
    try:
        yield
    except OSError as error:
        hint = "free some space there" if error.errno in _NO_SPACE else "check the disk, and owner and mode there"
        message = f"cannot write hash lists in {directory}: {error.strerror}; {state}"
        raise PermanentError(message, hint=f"{hint}, then import again") from error
