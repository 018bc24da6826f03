"""Ports of cases: their record, and the counts of the storm brake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from goodhoster.model.cases import Case, CaseState, Claim, MeasureKind, MeasureState
from goodhoster.model.digests import Digest
from goodhoster.model.storms import Cause, Counted, CountedCase, Storm, StormState
from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import Category


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """A filter for cases; every field that is set narrows."""

    states: frozenset[CaseState] = frozenset()
    customer: str | None = None
    place: Place | None = None
    beside: Place | None = None
    """Cases about other sizes, by their names, of the picture at that place. Others may be among them, as far as their
    paths are in `model.sizes.ranges`.
    """
    digest: Digest | None = None
    content: bytes | None = None
    """About a file, also as a copy, whose SHA-256 this is."""
    opened_since: datetime | None = None
    opened_before: datetime | None = None
    source: str | None = None
    """In which this hash source matched."""
    category: Category | None = None
    """In which a source matched with this category."""
    newest: int | None = None
    """At most so many, the newest of them."""
    notifier: str | None = None
    automatic: bool = False
    """Only cases that were acted on and in which no person spoke."""


class CaseFigures(Protocol):
    """The case counts that the policy needs for its decisions."""

    def count(self, query: CaseQuery) -> int:
        """The number of cases that the query describes."""

    def customers_with(self, sha256: bytes, since: datetime, until: datetime) -> frozenset[str]:
        """Customers with a case about a file in which a source matched this content.

        Opened in [since, until].

        Counted whatever became of the case. Attempts, of which there is no file, do not count.
        """


class CaseStore(CaseFigures, Protocol):
    """The record of cases.

    Every call is atomic and durable when it returns; processes may share one store.
    """

    def measures(self) -> Mapping[tuple[MeasureKind, MeasureState], int]:
        """The measures of all cases, by kind and state."""

    def together(self) -> AbstractContextManager[None]:
        """A transaction: what this thread changes inside is one change.

        It is durable when the block ends; nothing is changed when the block is left by an error. A transaction
        inside another is part of that one. Other threads wait meanwhile, so nothing slow belongs in it.
        """

    def add(self, case: Case) -> None:
        """Record a new case.

        RefusedError when the id exists, or when the same place in the same state has a case.
        """

    def replace(self, case: Case, *, expected: CaseState) -> None:
        """Replace the case of that id if it is still in the expected state; RefusedError otherwise."""

    def get(self, case_id: str) -> Case:
        """The case of that id; RefusedError when there is none."""

    def complete(self, part: str) -> str:
        """The id of the one case that begins with this, or whose part behind the date does.

        RefusedError when there is none, and when there are several: it names some.
        """

    def get_all(self, case_ids: Sequence[str]) -> Sequence[Case]:
        """The cases of these ids, in their order; RefusedError when there is not one of each."""

    def find(self, query: CaseQuery) -> Sequence[Case]:
        """The cases that the query describes, oldest first.

        A place in the query also finds the cases of copies there.
        """

    def ids(self, query: CaseQuery) -> Sequence[str]:
        """The ids of the cases that the query describes, oldest first; none of them is read."""

    def each(self, query: CaseQuery) -> Iterator[Case]:
        """The cases that `find` returns, a few hundred in memory at a time.

        Each is as it is when its turn comes; one that is deleted before its turn is left out.
        """

    def claim(self, case_ids: Iterable[str], claim: Claim) -> None:
        """Record which process works on these cases, in place of the one that did."""

    def unclaim(self, case_ids: Iterable[str]) -> None:
        """Remove the claims on these cases; fine where there are none."""

    def claimed(self, holder: int | None = None) -> Sequence[str]:
        """The cases that a process works on, or died at; of one holder where it is given."""

    def claim_of(self, case_id: str) -> Claim | None:
        """The claim of the process that works on a case, or died at it; None when there is none."""


class StormStore(Protocol):
    """The record of storms.

    Every call is atomic and durable when it returns; processes may share one store.
    """

    def begin(self, storm: Storm) -> bool:
        """Record a storm that begins.

        False, and nothing recorded, when a storm of the same cause is already active.
        """

    def replace(self, storm: Storm) -> None:
        """Replace the storm of that id."""

    def newest(self, causes: Iterable[Cause]) -> Mapping[Cause, Storm]:
        """The newest storm of each cause; causes that never had one are left out."""

    def braking(self, part_of: str = "") -> Sequence[Storm]:
        """The storms that are not released and are part of that one (of none), oldest first."""

    def leading(self, states: frozenset[StormState]) -> Sequence[Storm]:
        """The storms in these states that are part of no other, oldest first."""

    def complete(self, part: str) -> str:
        """The id that a person means by a part of it; RefusedError when none or several."""

    def being_decided(self) -> Sequence[Storm]:
        """Storms whose decision is being carried out, or was when a process died."""

    def get(self, storm_id: str) -> Storm:
        """The storm of that id; RefusedError when there is none."""


class MatchLedger(Protocol):
    """The counts behind the brake: cases by source and time.

    Durable; counting costs the same however many there are.
    """

    def note(self, opened: CountedCase) -> None:
        """Record a case that is about to be opened. May be called again for the same case."""

    def count(self, counted: Counted) -> None:
        """Count a match for its customer and for the scope.

        Not when it was counted within the hour before. What is older than a day may be forgotten.
        """

    def counted(self, scope: str, customer: str, until: datetime) -> int:
        """Matches counted in the hour that ends then, by the minute.

        At that customer, or in total for "".
        """

    def forget(self, scope: str, customer: str = "") -> None:
        """Reset the count after a person released the storm.

        What was counted at that customer, or in total for "", counts no longer.
        """

    def ask(self, sha256: bytes, customer: str, at: datetime) -> None:
        """Record that a customer's application asked about a content that a source knows."""

    def askers(self, sha256: bytes, since: datetime, until: datetime) -> frozenset[str]:
        """Customers whose applications last asked about this content in [since, until]."""

    def matches(self, source: str, since: datetime, until: datetime) -> int:
        """Cases by that source, opened in [since, until)."""

    def measured(self, source: str, since: datetime, until: datetime, most: int) -> tuple[str, ...]:
        """The newest cases with an automatic measure by that source.

        Opened in [since, until], and at most so many.
        """

    def held(self, storm_id: str) -> tuple[str, ...]:
        """The cases that this storm held when they were opened."""


class Census(Protocol):
    """Figures on all uploads to this machine, whether a source knows them or not."""

    def customers_having(self, sha256: bytes, most: int) -> frozenset[str]:
        """Customers who have had a file of this content for at least a minute.

        At most `most` are looked for.
        """

    def checks_between(self, since: datetime, until: datetime) -> int:
        """Contents that were asked about in that time and got an answer.

        An hour that is touched counts whole.
        """
