"""The programs that the starter may be asked to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Command(NamedTuple):
    """A program of the administrator's."""

    argv: tuple[str, ...]
    more: int = 0
    """How many arguments the daemon adds."""

    def permits(self, argv: Sequence[str]) -> bool:
        """Whether this is the program, with its arguments as they stand in the configuration."""
        return tuple(argv[: len(self.argv)]) == self.argv and len(argv) == len(self.argv) + self.more
