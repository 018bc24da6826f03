"""Operations on own hash lists: import files, show and verify lists, remove lists."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.entries import ListEntry, ListKind, Reading
from goodhoster.hashlists.file_names import check_source, list_files
from goodhoster.hashlists.formats.recognition import read_entries
from goodhoster.hashlists.importing import Imported, Removed, import_entries, remove_lists
from goodhoster.hashlists.near.file_names import SegmentName, near_lists
from goodhoster.hashlists.near.spill import Spill
from goodhoster.hashlists.near.without_numpy import building
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category

DIRECTORY = "hashlists"
"""Where the lists lie below the state directory."""


@dataclass(frozen=True, slots=True)
class ListStatus:
    """The state of one list on disk."""

    source: str
    algorithm: ListKind
    entries: int = 0
    categories: Mapping[Category, int] | None = None
    """How many entries of each category there are; None when damaged."""
    imported_at: datetime | None = None
    """UTC; None when damaged."""
    damage: str = ""
    """What is wrong with it, in words; empty when the whole file was read and is as it was written."""

    @property
    def whole(self) -> bool:
        """True when every byte is as it was written."""
        return not self.damage


@dataclass(frozen=True, slots=True)
class ListImportOrder:
    """The files to import, and how."""

    files: Sequence[Path]
    source: str
    category: Category = Category.UNSPECIFIED
    """The category of entries for which the file names none."""
    untyped: ListKind | None = None
    """The kind of hashes for which the file names none; None: by their length."""
    replace: bool = False
    """The files become all that the source has."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import, and what of the files is in no list."""

    lists: tuple[Imported, ...]
    passed_over: Mapping[str, int]
    """Entries of kinds that are not compared, by what the files call them."""
    withdrawn: int
    """Entries that the files themselves mark as not, or no longer, active."""


def import_files(directory: Path, order: ListImportOrder) -> ImportReport:
    """Add the entries of all files to the lists of a source, or replace its lists with them.

    All files or nothing; the promises and errors are those of `read_entries`, `import_entries` and
    `import_fingerprints`. ConfigurationError also when one of the files that shall replace holds neither an entry
    nor the frame of an empty list: it is more likely an error page than a list. (Where the disk fails between lists
    of digests and of fingerprints, importing again completes the change.)
    """
    readings = [Reading(file, order.category, order.untyped) for file in order.files]
    fingerprints = Spill()
    digests = _digests(_entries(readings, order), fingerprints)
    first = list(itertools.islice(digests, 1))
    results: list[Imported] = []
    if first:
        entries = itertools.chain(first, digests)
        results += import_entries(directory, order.source, entries, replace=order.replace)
    if fingerprints:
        results += building().import_fingerprints(directory, order.source, fingerprints, replace=order.replace)
    if order.replace:
        given = {imported.algorithm for imported in results}
        lost = [kind for owner, kind in _lists(directory) if owner == order.source and kind not in given]
        results += [_gone(removed) for kind in lost for removed in remove(directory, order.source, kind)]
    passed_over = sum((reading.passed_over for reading in readings), Counter[str]())
    return ImportReport(tuple(results), passed_over, sum(reading.withdrawn for reading in readings))


def _entries(readings: Sequence[Reading], order: ListImportOrder) -> Iterator[ListEntry]:
    """The entries of all files.

    ConfigurationError at the end of a file that must not be without an entry, or at the end of the last.
    """
    check_source(order.source)
    for reading, following in zip_longest(readings, readings[1:]):
        yield from read_entries(reading)
        if order.replace and not (reading.entries or reading.is_list):
            hint = "look at what is in it; to remove the lists: goodhoster hashlist remove " + order.source
            raise reading.unusable(f"holds no entry, and is not an empty list{_skipped_text(reading)}", hint)
        if order.replace and reading.goes_on and following is None:
            why = f"is not the whole list: {reading.goes_on} says that more follows"
            raise reading.unusable(why, "fetch the rest too, and name it after this one")
    if not (order.replace or any(reading.entries for reading in readings)):
        files = ", ".join(f"{reading.path}{_skipped_text(reading)}" for reading in readings)
        hint = "check the files; to remove the lists: goodhoster hashlist remove " + order.source
        raise ConfigurationError(f"no hash was found to import for {order.source} in {files}", hint=hint)


def _skipped_text(reading: Reading) -> str:
    """The entries skipped in a file, in words, for a file that has no others."""
    kinds = ", ".join(f"{count:,} {name}" for name, count in reading.passed_over.most_common(_NAMED))
    return f" ({kinds}: kinds that are not compared)" if kinds else ""


_NAMED = 5


def _digests(entries: Iterable[ListEntry], aside: Spill) -> Iterator[tuple[bytes, Category | None]]:
    """The exact digests; fingerprints go to `aside`."""
    for kind, value, category in entries:
        if isinstance(kind, FingerprintKind):
            aside.add((kind, value, category))
        else:
            yield value, category


def _gone(removed: Removed) -> Imported:
    return Imported(removed.source, removed.algorithm, 0, 0, removed.entries or 0)


def _lists(directory: Path) -> Iterator[tuple[str, ListKind]]:
    """Source and kind of every list, those of digests first."""
    yield from ((source, algorithm) for _, source, algorithm in list_files(directory))
    yield from ((source, kind) for source, kind, _ in near_lists(directory))


def remove(directory: Path, source: str, kind: ListKind | None = None) -> tuple[Removed, ...]:
    """Remove a source's lists, or the one of that kind. RefusedError when there is none."""
    wanted = [found for owner, found in _lists(directory) if owner == source and kind in {None, found}]
    if not wanted:
        raise RefusedError(f"there is no such hash list of {source[:80]!r}", hint="see: goodhoster hashlist list")
    return tuple(removed for found in wanted for removed in _remove(directory, source, found))


def _remove(directory: Path, source: str, kind: ListKind) -> tuple[Removed, ...]:
    if isinstance(kind, Algorithm):
        return remove_lists(directory, source, kind)
    removed: tuple[Removed, ...] = building().remove_near_lists(directory, source, kind)
    return removed


def survey(directory: Path) -> Iterator[ListStatus]:
    """Read every list to its end (some 1 GB/s) and report its state.

    A damaged list is reported in its line, not raised as an error.
    """
    opening: list[tuple[str, ListKind, Callable[[], ListStatus]]] = [
        *((source, algorithm, partial(_status, path)) for path, source, algorithm in list_files(directory)),
        *((source, kind, partial(_near_status, source, kind, found)) for source, kind, found in near_lists(directory)),
    ]
    for source, kind, status in opening:
        try:
            yield status()
        except FileNotFoundError:
            continue  # removed meanwhile
        except ConfigurationError as error:
            yield ListStatus(source, kind, damage=str(error))


def _status(path: Path) -> ListStatus:
    opened = DigestList.open(path)
    opened.verify()
    return ListStatus(opened.source, opened.algorithm, len(opened), opened.categories, opened.created)


def _near_status(source: str, kind: FingerprintKind, segments: Sequence[SegmentName]) -> ListStatus:
    opened = building().open_near_list(source, kind, segments)
    opened.verify()
    tally = {category: count for category, count in opened.tally().items() if count}
    return ListStatus(source, kind, sum(tally.values()), tally, opened.created)
