"""A directory in memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from goodhoster.errors import GoodhosterError
from goodhoster.model.notices import Site


class MemoryDirectory:
    """Knows what it is given; `trouble` is raised instead of an answer for as long as it is set."""

    def __init__(self, sites: Sequence[Site], *, name: str = "memory") -> None:
        self.name = name
        self.given = list(sites)
        self.trouble: GoodhosterError | None = None

    def sites(self) -> Sequence[Site]:
        """A copy of the list."""
        if self.trouble is not None:
            raise self.trouble
        return tuple(self.given)
