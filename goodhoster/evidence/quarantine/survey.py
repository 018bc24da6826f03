"""What lies in the quarantines of a tree, by the disk itself: for when the record is lost, or older than the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator

from goodhoster.errors import QuarantineError
from goodhoster.evidence.quarantine.labels import is_case_name, read_intent, read_label
from goodhoster.evidence.quarantine.storage import shelves
from goodhoster.model.quarantine import Label
from goodhoster.model.uploads import Place


def quarantined(tree: bytes) -> Iterator[str]:
    """The name of every file in quarantine on the file systems of a tree, as far as these are mounted."""
    for shelf in shelves(Place(tree, b""), set()):
        with os.scandir(shelf) as found:
            yield from (entry.name for entry in found if is_case_name(entry.name))


def label_of(tree: bytes, name: str) -> Label | None:
    """The label of a file in quarantine; None where there is none, or it cannot be read."""
    for shelf in shelves(Place(tree, b""), set()):
        try:
            label = read_label(shelf, name) or read_intent(shelf, name)
        except QuarantineError:
            continue
        if label is not None:
            return label
    return None
