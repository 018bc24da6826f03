"""JSON objects from outside, in which each key stands once.

Two readers of a key that stands twice may see two things, so nothing is guessed: such an object is not read.
"""

from __future__ import annotations

from typing import Any


class DuplicateKeyError(ValueError):
    """A key stands twice in one object."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, as `object_pairs_hook` of `json.loads`.

    DuplicateKeyError where a key stands twice.
    """
    table = dict(pairs)
    if len(table) != len(pairs):
        raise DuplicateKeyError("a key stands twice in one object")
    return table
