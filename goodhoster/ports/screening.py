"""Ports of screening: the record of lists, of what was compared, and of findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from goodhoster.model.customers.screening import ScreeningDecision, ScreeningFinding

Side = Literal["entry", "customer"]


class ScreeningStore(Protocol):
    """The record of screening.

    Every call is atomic and durable when it returns; processes may share one store.
    """

    def together(self) -> AbstractContextManager[None]:
        """A transaction: what this thread changes inside is one change, or none.

        Nobody else changes anything meanwhile.
        """

    def fingerprints(self, list_name: str, side: Side) -> Mapping[str, bytes]:
        """What was compared last, as a digest of its fields by its id."""

    def remember(self, list_name: str, side: Side, fingerprints: Iterable[tuple[str, bytes]]) -> None:
        """Record what was compared, in place of what was recorded for these ids."""

    def forget(self, list_name: str, side: Side, ids: Iterable[str]) -> None:
        """Remove what was recorded for these ids."""

    def save(self, finding: ScreeningFinding) -> None:
        """Record a finding, in place of the one with its id."""

    def get(self, finding_id: str) -> ScreeningFinding:
        """The finding of that id; RefusedError when there is none."""

    def complete(self, part: str) -> str:
        """The finding that a person means by a part of its id; RefusedError unless it is one."""

    def find(
        self, *, decisions: frozenset[ScreeningDecision] = frozenset(), list_name: str = "", customer: str = ""
    ) -> Iterator[ScreeningFinding]:
        """The findings, oldest first; every argument that is given narrows."""

    def of_pairs(self, list_name: str, side: Side, ids: Sequence[str]) -> Sequence[ScreeningFinding]:
        """The findings of a list about these entries or customers."""

    def erase_screening(self, customer_id: str) -> None:
        """Erase everything about a customer. May be called twice."""
