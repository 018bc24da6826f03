"""On what legal basis a source may be asked about the files of a tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

ANY = "*"
"""Stands for every source, or every tree, that has no entry of its own."""
DOORS = "doors"
"""Stands, in place of a tree, for what applications ask about before they store it."""


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """A person's decision that one source may be asked about the files of one tree."""

    tree: str
    """Absolute path as displayed, `doors`, or `*`."""
    source: str
    """Name of the hash source, or `*`."""
    basis: str
    """Article, contract clause or order, in the words of whoever decided."""
    decided_by: str
    decided_at: datetime
    until: date | None = None
    """The last day on which it holds; None: until somebody decides otherwise."""

    def ended(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and today > self.until
