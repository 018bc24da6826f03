"""What one does with own hash lists: import files, see what there is, take lists away."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.hashlists.entries import ListEntry, ListKind
from goodhoster.hashlists.file_names import list_files
from goodhoster.hashlists.formats.text_lists import read_entries
from goodhoster.hashlists.importing import Imported, Removed, import_entries, remove_lists
from goodhoster.hashlists.near.file_names import SegmentName, near_lists
from goodhoster.hashlists.near.optional import building
from goodhoster.hashlists.near.spill import Spill
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category

DIRECTORY = "hashlists"
"""Where the lists lie below the state directory."""


@dataclass(frozen=True, slots=True)
class ListStatus:
    """One list as it lies on disk."""

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


def import_files(
    directory: Path, files: Sequence[Path], whose: tuple[str, Category], *, replace: bool = False
) -> tuple[Imported, ...]:
    """Add all that the files hold to the lists of a source, or make it all that the source has.

    `whose` is the source, and the category of entries that tell none. All files or nothing; the promises and
    errors are those of `read_entries`, `import_entries` and `import_fingerprints`. (Where the disk fails between lists
    of digests and of fingerprints, importing again makes it good.)
    """
    source, category = whose
    read = itertools.chain.from_iterable(read_entries(file, category) for file in files)
    fingerprints = Spill()
    digests = _digests(read, fingerprints)
    first = list(itertools.islice(digests, 1))
    results: list[Imported] = []
    if first or not fingerprints:
        results += import_entries(directory, source, itertools.chain(first, digests), replace=replace)
    if fingerprints:
        results += building().import_fingerprints(directory, source, fingerprints, replace=replace)
    if replace:
        given = {imported.algorithm for imported in results}
        lost = [kind for owner, kind in _lists(directory) if owner == source and kind not in given]
        results += [_gone(removed) for kind in lost for removed in remove(directory, source, kind)]
    return tuple(results)


def _digests(entries: Iterable[ListEntry], aside: Spill) -> Iterator[tuple[bytes, Category | None]]:
    """The exact digests; fingerprints are put aside."""
    for kind, value, category in entries:
        if isinstance(kind, FingerprintKind):
            aside.add((kind, value, category))
        else:
            yield value, category


def _gone(removed: Removed) -> Imported:
    return Imported(removed.source, removed.algorithm, 0, 0, removed.entries or 0)


def _lists(directory: Path) -> Iterator[tuple[str, ListKind]]:
    """Source and kind of every list, of digests first."""
    yield from ((source, algorithm) for _, source, algorithm in list_files(directory))
    yield from ((source, kind) for source, kind, _ in near_lists(directory))


def remove(directory: Path, source: str, kind: ListKind | None = None) -> tuple[Removed, ...]:
    """Take away a source's lists, or the one of that kind. RefusedError when there is none."""
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
    """Read every list to its end (some 1 GB/s) and say how it is. A damaged one is a line, not an error."""
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
