"""Imports fingerprints into the near lists of a source, all or nothing for each list.

What is added becomes a new segment, so adding a little writes a little; as many of the newest are merged with it as
keeps every older one some times larger, so a list has few segments, and an entry is written again only a few times
however often one imports. A list is in memory while it is merged: some 150 bytes an entry.

As with digests, an entry that comes more than once is kept once, with the gravest of its categories.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.hashlists.directory import disk_errors_explained, import_lock, sync, temporary_path
from goodhoster.hashlists.file_names import check_source
from goodhoster.hashlists.importing import Imported, Removed
from goodhoster.hashlists.near.entries import Entries, by_kind
from goodhoster.hashlists.near.file_names import SegmentName, near_lists, segments_of
from goodhoster.hashlists.near.header import WITHDRAWN
from goodhoster.hashlists.near.near_list import NearList
from goodhoster.hashlists.near.segment import Segment
from goodhoster.hashlists.near.spill import NearEntry
from goodhoster.hashlists.near.writer import write_segment
from goodhoster.model.fingerprints import FingerprintKind

_SIZE_RATIO = 4  # an older segment has at least so many times the entries of a newer one
_UNCHANGED = "the lists there are unchanged"


def import_fingerprints(
    directory: Path, source: str, entries: Iterable[NearEntry], *, replace: bool = False
) -> tuple[Imported, ...]:
    """Add entries to a source's near lists, withdraw those without a category, or replace them.

    One result per kind that was given; with `replace` also per kind that the source lost. Raises as
    `import_entries`.
    """
    check_source(source)
    given = by_kind(entries)
    if not given:
        raise ConfigurationError(f"no fingerprint was found to import for {source}", hint="check the file")
    with disk_errors_explained(directory, _UNCHANGED), import_lock(directory):
        results = [_import(directory, (source, kind), new, replace=replace) for kind, new in given.items()]
    if replace:
        lost = [kind for owner, kind, _ in near_lists(directory) if owner == source and kind not in given]
        removed = [gone for kind in lost for gone in remove_near_lists(directory, source, kind)]
        results += [Imported(source, gone.algorithm, 0, 0, gone.entries or 0) for gone in removed]
    return tuple(results)


def remove_near_lists(directory: Path, source: str, kind: FingerprintKind | None = None) -> tuple[Removed, ...]:
    """Remove the source's near lists, or the one of that kind. RefusedError when there is none."""
    wanted = [found for owner, found, _ in near_lists(directory) if owner == source and kind in {None, found}]
    if not wanted:
        raise RefusedError(f"there is no such near list of {source[:80]!r}", hint="see: goodhoster hashlist list")
    with disk_errors_explained(directory, _UNCHANGED), import_lock(directory):
        return tuple(_remove(directory, source, found) for found in wanted)


def open_near_list(source: str, kind: FingerprintKind, segments: Sequence[SegmentName]) -> NearList:
    """Open a list by its segments, newest first.

    FileNotFoundError when one was merged meanwhile: look again.
    """
    return NearList(source, kind, [Segment.open(segment.path) for segment in segments])


def _import(directory: Path, list_id: tuple[str, FingerprintKind], new: Entries, *, replace: bool) -> Imported:
    segments = _current_segments(directory, list_id)
    old = _old_list(list_id, segments, replace=replace)
    before = old.categories_of(new.values)
    listed, withdrawn = before != WITHDRAWN, new.categories == WITHDRAWN
    old_count, kept = len(old), int((listed & ~withdrawn).sum())
    if replace:
        _write(directory, list_id, segments, new.standing())
        removed = old_count - kept
    else:
        gravest = np.where(withdrawn, WITHDRAWN, np.minimum(new.categories, before)).astype(np.uint8)
        _write(directory, list_id, *_merged(old, segments, Entries(new.values, gravest)))
        removed = int((listed & withdrawn).sum())
    added = int((~withdrawn).sum()) - kept
    return Imported(*list_id, old_count + added - removed, added, removed)


def _old_list(list_id: tuple[str, FingerprintKind], segments: Sequence[SegmentName], *, replace: bool) -> NearList:
    """The current list; a damaged one is repaired by replacing it."""
    try:
        return open_near_list(*list_id, segments)
    except ConfigurationError:
        if replace:
            return NearList(*list_id, [])
        raise


def _merged(old: NearList, names: Sequence[SegmentName], new: Entries) -> tuple[Sequence[SegmentName], Entries]:
    """The segments that a new one replaces, and the entries that it then holds."""
    for age, segment in enumerate(old.segments):
        if len(segment) >= _SIZE_RATIO * len(new):
            return names[:age], new
        segment.verify()
        new = new.over(Entries(segment.tables.values, segment.tables.categories))
    return names, new.standing()


def _write(
    directory: Path, list_id: tuple[str, FingerprintKind], replaced: Sequence[SegmentName], entries: Entries
) -> None:
    """Write a new segment in place of those given, then delete them."""
    existing = segments_of(directory, *list_id)
    generation = 1 + max((segment.last for segment in existing), default=0)
    new_segment = SegmentName.make(
        directory, list_id, (min((segment.first for segment in replaced), default=generation), generation)
    )
    write_segment(temporary_path(new_segment.path), list_id, entries)
    temporary_path(new_segment.path).rename(new_segment.path)
    sync(directory)
    for segment in existing:
        if new_segment.first <= segment.first:
            segment.path.unlink()


def _remove(directory: Path, source: str, kind: FingerprintKind) -> Removed:
    segments = segments_of(directory, source, kind)
    entries = _length(directory, (source, kind))
    for segment in sorted(segments, key=lambda each: each.last):  # an older one must not come to count again
        segment.path.unlink()
    sync(directory)
    return Removed(source, kind, entries)


def _length(directory: Path, list_id: tuple[str, FingerprintKind]) -> int | None:
    try:
        return len(open_near_list(*list_id, _current_segments(directory, list_id)))
    except (ConfigurationError, FileNotFoundError):
        return None


def _current_segments(directory: Path, list_id: tuple[str, FingerprintKind]) -> Sequence[SegmentName]:
    return next((segments for *owner, segments in near_lists(directory) if tuple(owner) == list_id), [])
