"""Sources that must not be asked, because the legal basis of the check has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goodhoster.errors import UncheckedError
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Match
from goodhoster.ports import HashSource

NO_BASIS = "no-legal-basis"
"""Reason of a file that a source may not be asked about any more."""


@dataclass(frozen=True, slots=True)
class StoppedSource:
    """Stands for a source that may not be asked, and asks it nothing."""

    name: str
    local: bool

    def look_up(self, _question: Question) -> tuple[Match, ...]:
        """Raise UncheckedError."""
        hint = "goodhoster customers legal-basis list"
        message = f"the legal basis of asking {self.name} about these files has ended"
        raise UncheckedError(message, reason=NO_BASIS, hint=hint)

    def probe(self) -> None:
        """Ask nothing."""

    def close(self) -> None:
        """Close nothing: the source itself is somebody else's to close."""


def without_basis(sources: Sequence[HashSource], stopped: frozenset[str]) -> Sequence[HashSource]:
    """The sources, with those that may not be asked replaced by what says so."""
    if not stopped:
        return sources
    return [StoppedSource(each.name, each.local) if each.name in stopped else each for each in sources]
