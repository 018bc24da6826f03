"""A customer's standing: facts, rungs and steps of the ladder, statements and appeals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Rung(StrEnum):
    """The ladder of consequences, lightest first."""

    WARN = "warn"
    RESTRICT = "restrict-uploads"
    SUSPEND_SITE = "suspend-site"
    SUSPEND_ACCOUNT = "suspend-account"
    END = "end-contract"

    @property
    def level(self) -> int:
        """The height on the ladder, from 1."""
        return _RUNGS.index(self) + 1

    @property
    def measure(self) -> str:
        """What is done at this rung, in words."""
        return _MEASURES[self][0]

    @property
    def inverse(self) -> str:
        """How it is undone, in words; empty where it cannot be undone."""
        return _MEASURES[self][1]

    @property
    def acts(self) -> bool:
        """Whether a panel or a hook has to do something for it."""
        return self in {Rung.SUSPEND_SITE, Rung.SUSPEND_ACCOUNT}


_RUNGS = tuple(Rung)
_MEASURES = {
    Rung.WARN: ("a warning is sent", "the warning is withdrawn by a letter"),
    Rung.RESTRICT: ("`customers may ID upload` answers no", "`customers may ID upload` answers by the gates again"),
    Rung.SUSPEND_SITE: ("the site is suspended through its panel", "the site is put back as it was before"),
    Rung.SUSPEND_ACCOUNT: ("the account is suspended through its panel", "the account is put back as it was before"),
    Rung.END: ("the contract ends, by a person and outside of goodhoster", ""),
}


class FactKind(StrEnum):
    """What a fact is about."""

    KNOWN_MATERIAL = "known-material"
    """Material that a source or a proven notifier knows was taken offline."""
    SILENCE = "silence"
    """The abuse contact did not answer within its time."""


class FactState(StrEnum):
    """How far a fact is settled. Only confirmed ones count."""

    CONFIRMED = "confirmed"
    HELD = "held"
    """Nobody decided about it yet."""
    UNDONE = "undone"
    DISPUTED = "disputed"
    """An appeal about it is open, or it is part of a storm that is not settled."""
    UNCHECKED = "unchecked"
    """It could not be established, such as during an outage."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a customer did or left undone, read from the record each time."""

    id: str
    """Its subject, such as `case:ID`."""
    customer: str
    kind: FactKind
    state: FactState
    at: datetime
    site: str = ""
    """The host or tree that it was at."""
    automatic: bool = True
    """No person had a word in it."""
    noticed: bool = False
    """A notice told of it, and not our own checks."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Facts that count once: those within one window of time, such as a day."""

    at: datetime
    """The first of them."""
    facts: tuple[str, ...]
    customer: str
    site: str = ""
    """Of the first fact."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the confirmed facts alone say of a customer; the same whatever order they came in."""

    customer: str
    incidents: tuple[Incident, ...] = ()
    """Its own, and those of a reseller's customers; oldest first."""
    level: int = 0
    """The highest rung that they support; 0 for none."""
    reached: tuple[Rung, ...] = ()
    """Every rung that they support by its own rule: by share alone a reseller passes over those that have none."""
    decays_at: datetime | None = None
    """When the oldest incident counts no longer."""
    share: float | None = None
    """Of a reseller: the part of its customers with an incident, 0 to 1."""
    decayed: frozenset[str] = frozenset()
    """Confirmed facts that count no longer."""
    keeps: frozenset[str] = frozenset()
    """Facts that keep a step in force: those that count or have decayed, and those that are disputed."""
    keeps_level: int = 0
    """The highest rung that stays in force; what is merely disputed lifts nothing before it is decided."""

    @property
    def rung(self) -> Rung | None:
        """The highest rung that the facts support."""
        return self.reached[-1] if self.reached else None

    @property
    def facts(self) -> frozenset[str]:
        """The ids of every fact that counts."""
        return frozenset(fact for incident in self.incidents for fact in incident.facts)

    @property
    def counts(self) -> frozenset[str]:
        """The ids of every confirmed fact, whether it still counts or has decayed."""
        return self.facts | self.decayed


class StepState(StrEnum):
    """Where a step stands."""

    ANNOUNCED = "announced"
    """Its notice runs."""
    WAITING = "waiting"
    """A person decides."""
    IMPOSING = "imposing"
    """Under way; tried again until its effect was seen."""
    IMPOSED = "imposed"
    """In force, and seen to be."""
    LIFTING = "lifting"
    """Being undone; tried again until that was seen."""
    LIFTED = "lifted"
    WITHDRAWN = "withdrawn"
    """It was announced, and what it rested on counts no longer."""
    REFUSED = "refused"
    """A person decided against it."""

    @property
    def pending(self) -> bool:
        """Announced or waiting, and nothing done yet."""
        return self in {StepState.ANNOUNCED, StepState.WAITING}

    @property
    def in_force(self) -> bool:
        """Whether the customer bears it now."""
        return self in {StepState.IMPOSING, StepState.IMPOSED}

    @property
    def over(self) -> bool:
        """Whether nothing comes of it any more."""
        return self in {StepState.LIFTED, StepState.WITHDRAWN, StepState.REFUSED}


@dataclass(frozen=True, slots=True)
class Step:
    """One rung at one customer, from its announcement to its end."""

    id: str
    customer: str
    rung: Rung
    state: StepState
    facts: tuple[str, ...]
    """The confirmed facts that called for it; it falls when none of them counts any more."""
    announced_at: datetime
    rules: str
    """The version of the house rules it rests on."""
    site: str = ""
    """Of a site's suspension: its host."""
    notified_at: datetime | None = None
    """When the mail server took the announcement, or a person told the customer otherwise."""
    notified_observed: float | None = None
    """Observed seconds (`linux.observed_time`) at that moment: no clock that is set shortens a notice."""
    not_notified: str = ""
    """Why the customer could not be told; empty while that is not known."""
    imposed_at: datetime | None = None
    informed_at: datetime | None = None
    """When the customer was informed of the measure itself: the time for an appeal begins."""
    ended_at: datetime | None = None
    reason: str = ""
    actor: str = ""
    """The person who decided; empty while only the house rules spoke."""
    trouble: str = ""
    """Why the measure or its inverse is not done yet."""


class StatementState(StrEnum):
    """What became of a statement of reasons."""

    SENT = "sent"
    """In the outbox, from which it is sent until the mail server has it."""
    NOT_SENT = "not-sent"
    WITHHELD = "withheld"
    """An order is confidential (DSA Art. 9)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The record of one statement of reasons or other letter to a customer."""

    id: str
    """The subject and the purpose, with a number where it was sent again."""
    subject: str
    """What it is about: `step:ID`, `case:ID`, `suspension:ID` or `appeal:ID`."""
    customer: str
    purpose: str
    """Such as `announced`, `imposed`, `lifted`, `decided`."""
    state: StatementState
    at: datetime
    to: str = ""
    why: str = ""
    """Why it is not sent."""
    letter: str = ""
    """The letter's name in the outbox; one letter may be about several subjects."""
    reference: str = ""
    """What an appeal by mail or form names; nobody else can guess it."""


class AppealState(StrEnum):
    """Where an appeal stands."""

    OPEN = "open"
    UPHELD = "upheld"
    """The measure was wrong, and is undone."""
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """By the customer."""


class AppealChannel(StrEnum):
    """How an appeal came in."""

    MAIL = "mail"
    FORM = "form"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Appeal:
    """A customer's objection to one measure."""

    id: str
    customer: str
    subject: str
    """`step:ID`, `case:ID` or `suspension:ID`."""
    channel: AppealChannel
    received_at: datetime
    deadline: datetime
    """For our decision."""
    text: str
    """What the customer says, cut to a limit."""
    late: bool = False
    """It came after six months from the day informed; a person may take it up all the same."""
    state: AppealState = AppealState.OPEN
    reason: str = ""
    actor: str = ""
    decided_at: datetime | None = None
    restored: tuple[str, ...] = ()
    """The cases that were restored by it."""
    trouble: str = ""
    """What could not be undone yet."""
    mistake: bool = False
    """The list, notifier or rule was wrong, and not only the measure too heavy."""
