"""The values of the index, and their encoding in columns."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from goodhoster.model.digests import Digests
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.uploads import Content, FileState, PastReading, Place
from goodhoster.model.verdicts import NOT_ASKABLE, ContentKind, SourceAnswer, Verdict, VerdictKind
from goodhoster.uploads.integers import signed, unsigned

Row = tuple[Any, ...]


class Priority(IntEnum):
    """Priority of a row: lower is sooner."""

    ORDERED = 0
    """A notice or a person asks for it."""
    FRESH = 1
    """It has just come."""
    RECONCILE = 2
    """Found by comparing a tree with the index: its events were lost, or never came."""
    BACKFILL = 3
    """It was there before the tree was watched."""


class RowWait(IntEnum):
    """What a row waits for, as the column `waiting` has it."""

    NOTHING = 0
    """It was checked."""
    DUE = 1
    """Until it is due."""
    TURN = 2
    """It is ready, and taken in its turn."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A place where something may have changed; nothing more is believed."""

    place: Place
    customer: str
    due: float
    """Not to be looked at before this time, seconds since the epoch."""
    priority: Priority
    quiet: float = 0.0
    """The file must have been unchanged for so many seconds; 0 where its closing was seen."""


@dataclass(frozen=True, slots=True)
class Job:
    """A row that one worker has in hand."""

    place: Place
    customer: str
    generation: int
    """Grows with every hint (column `hints`): a check ends the waiting of the generation that it took, no newer one."""
    tries: int
    since: float
    remembered: PastReading | None
    """What the last read found, in that state: an unchanged file is not read again only to ask again."""
    verdict: VerdictKind | None
    """The verdict of that state, when it was checked before."""
    quiet: float = 0.0
    """See `Arrival`."""


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """Counts for `status`."""

    waiting: int
    oldest: float | None
    """Since when the longest waiting row waits, seconds since the epoch."""
    verdicts: dict[str, int]
    reasons: dict[str, int]
    """Unchecked rows by reason code."""


JOB_COLUMNS = """tree, path, name, customer, hints, tries, since, verdict, quiet,
  dev, ino, size, mtime_ns, ctime_ns, kind, md5, sha1, sha256, fingerprints, members, fault, reason"""


def job_of(row: Row) -> Job:
    """A row of JOB_COLUMNS."""
    tree, path, name, customer, generation, tries, since, verdict, quiet, *rest = row
    place = Place(tree, joined(path, name))
    kind = VerdictKind(verdict) if verdict else None
    return Job(place, customer, generation, tries, since, _remembered(rest), kind, quiet)


_TAKEN = frozenset(FingerprintKind)
"""Rows of earlier versions have kinds, too, that nobody takes any more."""


def _remembered(columns: list[Any]) -> PastReading | None:
    """Recorded finding of a content, where it can be used again.

    A content with a fault is opened again each time: what went wrong may have been ours. So is one of which not
    enough was taken for a source: by now there may be what takes it.
    """
    dev, ino, size, mtime_ns, ctime_ns, kind, md5, sha1, sha256, fingerprints, members, fault, reason = columns
    if sha256 is None or fault is not None or reason == NOT_ASKABLE:
        return None
    state = FileState(dev, unsigned(ino), size, mtime_ns, ctime_ns)
    taken = tuple(Fingerprint.parse(word) for word in fingerprints.split() if word.partition(":")[0] in _TAKEN)
    inside = tuple(Digests(*digests) for digests in members_of(members))
    return PastReading(state, Content(Digests(md5, sha1, sha256), ContentKind(kind), size, taken, inside))


_MEMBER = struct.Struct("16s 20s 32s")


def members_of(column: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """MD5, SHA-1 and SHA-256 of each content inside, out of the column `members`."""
    return _MEMBER.iter_unpack(column)


def key_of(place: Place) -> tuple[bytes, bytes, bytes]:
    """Key of a row: tree, directory and name."""
    path, _, name = place.path.rpartition(b"/")
    return place.tree, path, name


def joined(directory: bytes, name: bytes) -> bytes:
    """Path of a row from its directory and name, which are stored separately."""
    return directory + b"/" + name if directory else name


BELOW = "tree = ? AND (path = ? OR (path >= ? AND path < ?))"
"""A condition for directories; its values are those of `below`."""


def below(tree: bytes, prefix: bytes) -> Row:
    """Values of BELOW: a directory of the tree, and all below it."""
    low, high = (prefix + b"/", prefix + b"0") if prefix else (b"", b"\xff" * 300)
    return tree, prefix, low, high


def state_row(state: FileState | None) -> Row:
    """Columns dev, ino, size, mtime_ns, ctime_ns."""
    if state is None:
        return (None,) * 5
    return state.dev, *row_of_same_state(state)


def row_of_same_state(state: FileState) -> Row:
    """Columns ino, size, mtime_ns, ctime_ns: where these are equal, the states are."""
    return signed(state.ino), state.size, signed(state.mtime_ns), signed(state.ctime_ns)


def content_row(content: Content | None) -> Row:
    """Columns kind, md5, sha1, sha256, fingerprints, members, fault."""
    if content is None:
        return (None,) * 7
    digests = content.digests
    fingerprints = " ".join(map(str, content.fingerprints))
    members = b"".join(_MEMBER.pack(each.md5, each.sha1, each.sha256) for each in content.members)
    fault = content.fault.reason if content.fault else None
    return content.kind, digests.md5, digests.sha1, digests.sha256, fingerprints, members, fault


def answer_set_of(verdict: Verdict) -> str | None:
    """Sources that answered, as a text; None when that is unknown.

    Few differ, however many files there are.
    """
    answered = sorted([each.source, each.version, each.share] for each in verdict.answered)
    return json.dumps(answered, separators=(",", ":")) if answered else None


def answers_of(text: str | None) -> tuple[SourceAnswer, ...]:
    """The inverse."""
    return tuple(SourceAnswer(*each) for each in json.loads(text)) if text else ()


def verdict_row(verdict: Verdict) -> tuple[str, str, str, str]:
    """Columns verdict, reason, detail, matches."""
    matches = [[m.source, m.algorithm, m.category, m.distance] for m in verdict.matches]
    return verdict.kind, verdict.reason, verdict.detail, json.dumps(matches)
