"""Suspensions: the measure that takes a site, account or network offline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from goodhoster.model.customers.panels import SuspensionTarget


class SuspensionState(StrEnum):
    """State of a suspension.

    *In force* and *lifted* are said only of what was seen to be so.
    """

    INTENDED = "intended"
    """Decided and under way; after a crash it is continued."""
    IN_FORCE = "in-force"
    """The panel says so, asked anew, and so do the sites where they are looked at."""
    UNCONFIRMED = "unconfirmed"
    """Ordered; what came of it could not be seen yet. Looked at again."""
    INEFFECTIVE = "ineffective"
    """The panel says that it did, and did not: needs a person."""
    FAILED = "failed"
    """The panel refuses: needs a person."""
    ENDED_ELSEWHERE = "ended-elsewhere"
    """It was in force and is no more, and it was not us: needs a person."""
    LIFTING = "lifting"
    """A person lifts it, and that is under way."""
    LIFTED = "lifted"
    """What was suspended before is, and nothing else."""
    LIFT_FAILED = "lift-failed"
    """Not everything is as it was before: needs a person."""

    @property
    def closed(self) -> bool:
        """Nothing is looked after any more."""
        return self is SuspensionState.LIFTED

    @property
    def needs_person(self) -> bool:
        """Nothing happens by itself."""
        return self in _FOR_A_PERSON


_FOR_A_PERSON = frozenset(
    {
        SuspensionState.INEFFECTIVE,
        SuspensionState.FAILED,
        SuspensionState.ENDED_ELSEWHERE,
        SuspensionState.LIFT_FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class PageSeen:
    """What a site answered to one request; of its content a digest, hexadecimal."""

    host: str
    path: str
    status: int | None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class StateBefore:
    """What was suspended before, and what the sites answered: what lifting leads back to."""

    account: bool = False
    hosts: tuple[str, ...] = ()
    """The sites that were suspended each by itself."""
    pages: tuple[PageSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspension:
    """The whole record of a suspension. Changed only by replacing it."""

    id: str
    state: SuspensionState
    panel: str
    target: SuspensionTarget
    customer: str
    """Empty where no register knows whose account it is."""
    reason: str
    """The customer reads it, in the statement of reasons."""
    actor: str
    opened_at: datetime
    before: StateBefore = field(default_factory=StateBefore)
    detail: str = ""
    """What was seen last, for people."""
    seen_at: datetime | None = None
    """When that was."""
    check_at: datetime | None = None
    """When it is looked at again; None: no more by itself."""
    lift_reason: str = ""
    lift_actor: str = ""
    closed_at: datetime | None = None
    confidential: bool = False
    """By an order that its customer must not learn of: no statement of reasons is sent (DSA Art. 9)."""
