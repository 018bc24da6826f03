"""Which customer a place belongs to, and what is never an upload."""

from __future__ import annotations

import os
from dataclasses import dataclass

from goodhoster.model.uploads import Place, display

OWN_DIRECTORY = b".goodhoster"
"""Our quarantine at the top of a file system: never an upload, whoever puts something there."""

UNASSIGNED = "unassigned"
"""The customer of a file that lies directly in a tree with one directory per customer."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A watched tree."""

    root: bytes
    """Absolute, real path."""
    customer: str | None
    """Whose all of it is, or None for one directory per customer."""

    def customer_of(self, path: bytes) -> str:
        """The customer of a path relative to the root."""
        first, slash, _ = path.partition(b"/")
        return self.customer or (display(first) if slash else UNASSIGNED)

    def place_of(self, absolute: bytes) -> Place | None:
        """The place of an absolute path below this tree; None when it is not below, or ours."""
        if not absolute.startswith(self.root.rstrip(b"/") + b"/"):
            return None
        path = os.path.relpath(absolute, self.root)
        return None if OWN_DIRECTORY in path.split(b"/") else Place(self.root, path)
