"""Proofs from a Merkle tree (RFC 6962 section 2.1), in one pass over its leaves.

They are checked by `verify`. A proof is the hashes of subtrees. Which ones follows from numbers alone, so they are
given beforehand, and a log of a million lines is read once for any number of proofs, in memory that grows with the
proofs and not with the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from goodhoster.audit.verify import MerkleTree, node_hash

Span = tuple[int, int]
"""A subtree: its first leaf, and the one after its last."""


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The subtrees whose hashes prove that a leaf is at that place.

    From the leaf's neighbour to below the root.
    """
    spans, first, end = [], 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        inside, beside = ((first, middle), (middle, end)) if index < middle else ((middle, end), (first, middle))
        spans.append(beside)
        first, end = inside
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """The subtrees whose hashes prove that one tree begins with another.

    The tree of `new` leaves begins with the one of `old` leaves.
    """
    if old in {0, new}:
        return []
    spans, first, end = [], 0, new
    while end != old:
        middle = first + _split(end - first)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((first, middle))
            first = middle
    if first:
        spans.append((first, end))
    return spans[::-1]


class ProvingTree(MerkleTree):
    """Takes leaves one by one and keeps the hashes of the spans that were asked for."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        super().__init__(part for span in spans for part in _perfect(*span))

    def hashes(self, spans: Iterable[Span]) -> tuple[bytes, ...]:
        """The hashes of spans that were asked for, once all their leaves are in."""
        return tuple(self._hash(*span) for span in spans)

    def _hash(self, first: int, end: int) -> bytes:
        *parts, last = (self.kept[part] for part in _perfect(first, end))
        for part in reversed(parts):
            last = node_hash(part, last)
        return last


def _split(leaves: int) -> int:
    """The largest power of two below that number."""
    return 1 << ((leaves - 1).bit_length() - 1)


def _perfect(first: int, end: int) -> Iterator[tuple[int, int]]:
    """The perfect subtrees that a span is made of, largest first: (first leaf, leaves)."""
    while first < end:
        leaves = 1 << ((end - first).bit_length() - 1)
        yield first, leaves
        first += leaves
