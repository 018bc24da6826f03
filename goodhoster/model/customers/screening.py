"""What a list says of parties to look for among customers, and what was found of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

PartyKind = Literal["person", "company", ""]


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody to compare: an entry of a list, or a customer. Every field may be empty."""

    id: str
    kind: PartyKind = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    asns: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    birth_dates: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    """What the list adds for the person who decides, such as the programme of a sanction."""


class Agreement(StrEnum):
    """How a field of an entry and the same field of a customer compare."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """One of the two does not say."""


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """One field that both sides were compared in, with what each says."""

    field: str
    listed: str
    ours: str
    agreement: Agreement
    score: int = 100
    """0–100, of names and addresses; never shown alone."""


class ScreeningDecision(StrEnum):
    """What became of a finding."""

    OPEN = "open"
    """A person has to decide."""
    MATCH = "match"
    NO_MATCH = "no-match"
    WITHDRAWN = "withdrawn"
    """Neither list nor customer gives cause for it any more; nobody decided."""


@dataclass(frozen=True, slots=True)
class ScreeningFinding:
    """An entry of a list that resembles a customer, explained; a person decides what it means."""

    id: str
    list_name: str
    entry: str
    customer: str
    comparisons: tuple[FieldComparison, ...]
    found_at: datetime
    decision: ScreeningDecision = ScreeningDecision.OPEN
    decided_at: datetime | None = None
    actor: str = ""
    reason: str = ""
    asked_again: bool = False
    """Decided before; what the decision rested on has changed since."""

    @property
    def score(self) -> int:
        """The highest of its comparisons; 0 where nothing agrees any more."""
        return max((each.score for each in self.comparisons if each.agreement is Agreement.SAME), default=0)

    @property
    def contradicted(self) -> tuple[str, ...]:
        """The fields that speak against it."""
        return tuple(each.field for each in self.comparisons if each.agreement is Agreement.DIFFERENT)


@dataclass(frozen=True, slots=True)
class ScreeningRun:
    """What one screening did."""

    list_name: str = ""
    entries: int = 0
    customers: int = 0
    compared_entries: int = 0
    """Entries that were new or had changed."""
    compared_customers: int = 0
    """Customers that were new or had changed."""
    found: int = 0
    """New findings, and those that are asked again."""
    withdrawn: int = 0
    open: int = 0
    unread_count: int = 0
    unread: tuple[str, ...] = ()
    """The first lines of the list that could not be read or compared, with why."""
