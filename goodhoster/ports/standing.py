"""Ports of the customers' standing: facts, gates, measures, letters and appeals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from goodhoster.linux.observed_time import TimeReading
from goodhoster.model.cases import Order
from goodhoster.model.customers.gates import GateFinding
from goodhoster.model.customers.standing import Appeal, AppealState, Fact, Statement, Step, StepState


class StandingStore(Protocol):
    """The record of steps, statements, appeals and gate answers.

    Every call is atomic and durable when it returns; processes may share one store.
    """

    def add_step(self, step: Step) -> None:
        """Record a new step. RefusedError when the id exists."""

    def replace_step(self, step: Step, *, expected: StepState) -> None:
        """Replace the step of that id if it is still in the expected state; RefusedError otherwise."""

    def step(self, step_id: str) -> Step:
        """The step of that id; RefusedError when there is none."""

    def complete_step(self, part: str) -> str:
        """The step that a person means by a part of its id; RefusedError unless it is one."""

    def complete_appeal(self, part: str) -> str:
        """The appeal that a person means by a part of its id, in the same way."""

    def steps(self, customer: str) -> Sequence[Step]:
        """Every step of a customer, oldest first."""

    def steps_in(self, states: frozenset[StepState]) -> Sequence[Step]:
        """The steps in any of these states, oldest first."""

    def keep_statement(self, statement: Statement) -> None:
        """Record what became of a letter; where that id is taken, with a number behind it.

        An earlier letter stays known: its reference and its link are in the customer's hands.
        """

    def statements(self, subject: str) -> Sequence[Statement]:
        """What was written about a subject, oldest first."""

    def statement(self, statement_id: str) -> Statement | None:
        """The record of that letter; None when there is none."""

    def referred(self, reference: str) -> Sequence[Statement]:
        """The records of the letter with that reference."""

    def subjects_told(self, since: datetime) -> frozenset[str]:
        """The subjects of which a record was made since then."""

    def add_appeal(self, appeal: Appeal) -> None:
        """Record a new appeal. RefusedError when the id exists."""

    def replace_appeal(self, appeal: Appeal, *, expected: AppealState) -> None:
        """Replace the appeal of that id if it is still in that state; RefusedError otherwise."""

    def appeal(self, appeal_id: str) -> Appeal:
        """The appeal of that id; RefusedError when there is none."""

    def count_appeals(self, state: AppealState) -> int:
        """The number of all appeals in this state."""

    def appeals(self, customer: str = "", states: frozenset[AppealState] = frozenset()) -> Sequence[Appeal]:
        """The appeals of a customer, or of all, in these states or in any; by deadline."""

    def gate_changed(self, customer: str, answer: str, at: datetime) -> bool:
        """Record a gate's answer; whether it is to be logged: another than before, or a day old.

        At most a few times a day for one customer, whatever it answers and however often it is asked.
        """

    def observe(self, reading: TimeReading) -> float:
        """Add the time since the last reading of any process; all seconds that were seen to pass."""

    def rules_changed(self, version: str, at: datetime) -> str | None:
        """Record the version of the house rules in force; the one before when it changed, else None."""


class FactSource(Protocol):
    """Where facts about customers come from, read anew each time."""

    def facts_of(self, customer: str) -> Sequence[Fact]:
        """Every fact about a customer, whatever its state."""

    def by_customer(self, since: datetime) -> Mapping[str, Sequence[Fact]]:
        """The facts of every customer that has one, from that moment on."""


class VettingCheck(Protocol):
    """What vetting says of a customer."""

    def vetting_of(self, customer: str) -> GateFinding:
        """Whether the customer passed, with what is missing; *unchecked* where that is not known."""


@dataclass(frozen=True, slots=True)
class ContactFinding:
    """What is known of an abuse contact."""

    proven: GateFinding
    answered_within: timedelta | None = None
    """How long it took the last time it was asked; None: never asked, or it did not answer."""
    silent: bool = False
    """It let the time pass when it was last asked."""


class ContactCheck(Protocol):
    """What is known of a customer's abuse contact, and where it is."""

    def contact_of(self, customer: str) -> ContactFinding:
        """Whether it is proven, and whether it answers."""

    def address_of(self, customer: str) -> str:
        """The proven address; empty where there is none."""


class RelayUse(Protocol):
    """The use of our relay of the hash service by customers."""

    def last_used(self, customer: str) -> datetime | None:
        """When the customer's account was last answered; None: never.

        PassingError when that cannot be read.
        """


@dataclass(frozen=True, slots=True)
class MeasureSeen:
    """What was seen after a measure or its inverse."""

    done: bool
    """Seen to be so; never said of an order that was merely taken."""
    detail: str


class CustomerMeasures(Protocol):
    """Suspends a customer's sites or account, and undoes that exactly.

    Never raises for what a panel does.
    """

    def suspend(self, step: Step, order: Order) -> MeasureSeen:
        """Carry a step's measure out; may be called again for the same until it is seen to be done."""

    def lift(self, step: Step, order: Order) -> MeasureSeen:
        """Undo a step's measure; may be called again for the same."""


class StepLetters(Protocol):
    """Writes to customers about steps and appeals."""

    def about_step(self, step: Step, purpose: str, facts: Sequence[Fact]) -> Statement:
        """Put the letter into the outbox and record that; once for each purpose of a step."""

    def about_appeals(self, appeals: Sequence[Appeal], purpose: str) -> Sequence[Statement]:
        """Put the letter about appeals of one customer that came together into the outbox.

        One letter about all of them that it was not told yet.
        """

    def delivered(self, statement: Statement) -> bool | None:
        """Whether the mail server took the letter; None while it waits, False where it refused."""
