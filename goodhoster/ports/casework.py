"""The port of casework: notes on cases and notices, and who works on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from goodhoster.model.casework import Assignment, Note


class CaseworkStore(Protocol):
    """The record of notes and assignments; durable when a call returns. Processes may share one."""

    def add(self, note: Note) -> None:
        """Keep a note."""

    def notes(self, subject: str) -> Sequence[Note]:
        """The notes on a case or notice, oldest first."""

    def noted(self) -> frozenset[str]:
        """The cases and notices that have a note."""

    def assign(self, assignment: Assignment, *, expected: str) -> None:
        """Assign a case or notice in place of the person who has it; "" for nobody.

        RefusedError where somebody else has it by now.
        """

    def assignment(self, subject: str) -> Assignment | None:
        """Who works on it, if anybody does."""

    def assigned(self) -> Mapping[str, str]:
        """The person who works on it, by case or notice."""
