"""A directory in memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from goodhoster.errors import GoodhosterError
from goodhoster.model.notices import Site


class MemoryDirectory:
    """A fixed list of sites; while `trouble` is set it is raised instead."""

    def __init__(self, sites: Sequence[Site], *, name: str = "memory") -> None:
        self.name = name
        self.given = list(sites)
        self.trouble: GoodhosterError | None = None

    def sites(self) -> Sequence[Site]:
        """A copy of the list."""
        if self.trouble is not None:
            raise self.trouble
        return tuple(self.given)
