"""Names of the near lists' files: beside the lists of digests, in segments.

A list of one source and kind is one or several segments. A newer segment takes precedence over an older one, so that
adding a little writes a little; now and then the newest are merged into one. A segment's name gives the sequence
numbers of the writes that it holds, `first-last`: it replaces every other one within those, so a process killed between
writing a merged segment and deleting the old ones has lost and doubled nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from goodhoster.hashlists.file_names import names_in
from goodhoster.model.fingerprints import FingerprintKind

_NAME = re.compile(
    rf"(?P<source>(?!\.)[A-Za-z0-9._-]{{1,64}})\.(?P<kind>{'|'.join(FingerprintKind)})"
    r"\.(?P<first>[0-9]{8})-(?P<last>[0-9]{8})\.near"
)


@dataclass(frozen=True, slots=True)
class SegmentName:
    """The path of a segment's file, whether it exists or not, and what its name says."""

    path: Path
    source: str
    kind: FingerprintKind
    first: int
    last: int

    @classmethod
    def make(cls, directory: Path, whose: tuple[str, FingerprintKind], turns: tuple[int, int]) -> SegmentName:
        """Name a segment of one list that holds the writes from the first to the last.

        `whose` is the list's source and kind, `turns` the sequence numbers of those two writes.
        """
        (source, kind), (first, last) = whose, turns
        return cls(directory / f"{source}.{kind}.{first:08}-{last:08}.near", source, kind, first, last)


def near_lists(directory: Path) -> Iterator[tuple[str, FingerprintKind, list[SegmentName]]]:
    """All near lists as (source, kind, current segments newest first); none without a directory.

    ConfigurationError when the directory cannot be read: that is not the same as empty.
    """
    segments = sorted(_segments(directory), key=lambda segment: (segment.source, segment.kind))
    for (source, kind), found in groupby(segments, lambda segment: (segment.source, segment.kind)):
        yield source, kind, _current_segments(found)


def segments_of(directory: Path, source: str, kind: FingerprintKind) -> list[SegmentName]:
    """Every segment's file, including those already replaced."""
    return [each for each in _segments(directory) if (each.source, each.kind) == (source, kind)]


def _segments(directory: Path) -> Iterator[SegmentName]:
    for name in names_in(directory):
        if found := _NAME.fullmatch(name):
            kind = FingerprintKind(found["kind"])
            yield SegmentName(directory / name, found["source"], kind, int(found["first"]), int(found["last"]))


def _current_segments(segments: Iterable[SegmentName]) -> list[SegmentName]:
    """The current segments, newest first; one within a newer one is left over from merging."""
    found: list[SegmentName] = []
    for segment in sorted(segments, key=lambda each: (-each.last, each.first)):
        if not found or segment.last < found[-1].first:
            found.append(segment)
    return found
