"""Records that the audit log speaks of: what the databases must still have.

A record is durable before the log has these entries about it, and is never deleted unless its customer is forgotten. So
one that is missing was lost: with its database, or with rows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from goodhoster.audit.entries import LogLine, decode_line
from goodhoster.model.audit import RECORD_KINDS, RecordKind

LOSS_ACCEPTED = "state.loss-accepted"
_ENTRIES_PER_PIECE = 5_000


_BY_ENTRY = {entry: kind for kind in RECORD_KINDS for entry in kind.entries}
_WANTED = frozenset(kind.encode() for kind in (*_BY_ENTRY, LOSS_ACCEPTED))
_KIND = b',"kind":"'


@dataclass(frozen=True, slots=True)
class Mention:
    """A record that the log speaks of."""

    kind: RecordKind
    id: str
    entry: int
    """Number of the entry."""
    customer: str
    """Reference to its customer; empty where the entry has none."""


def missing_records(
    lines: Iterable[bytes], known: Mapping[str, Callable[[Collection[str]], frozenset[str]]]
) -> list[Mention]:
    """The records that a verified log speaks of and that are not there, by their first entries.

    `known` finds those among ids that are there, by the kind's name. Of a database whose loss a person accepted only
    what came after counts.
    """
    missing: dict[tuple[str, str], Mention] = {}
    piece: dict[tuple[str, str], Mention] = {}

    def compare() -> None:
        for kind in RECORD_KINDS:
            there = known[kind.name]([id_ for name, id_ in piece if name == kind.name])
            missing.update({key: one for key, one in piece.items() if key[0] == kind.name and key[1] not in there})
        piece.clear()

    for line in lines:
        begin = line.rfind(_KIND) + len(_KIND)  # behind it come a number and a digest only
        if line[begin : line.find(b'"', begin)] not in _WANTED:
            continue
        read = decode_line(line)
        if read.kind == LOSS_ACCEPTED:
            compare()
            lost = read.data.get("file")
            missing = {key: one for key, one in missing.items() if one.kind.database != lost}
        elif (mention := _mention(read)) and (key := (mention.kind.name, mention.id)) not in missing:
            piece.setdefault(key, mention)
        if len(piece) >= _ENTRIES_PER_PIECE:
            compare()
    compare()
    return list(missing.values())


def _mention(read: LogLine) -> Mention | None:
    kind = _BY_ENTRY.get(read.kind)
    named = read.data.get(kind.name) if kind else None
    if kind is None or not isinstance(named, str) or not named:
        return None
    return Mention(kind, named, read.n, str(read.data.get("customer") or ""))
