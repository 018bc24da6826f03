"""Ports of alerts: who receives them, and the queue they wait in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from goodhoster.model.alerts import Alert, AlertDelivery, DeliveryState, SentAlert


class AlertReceiver(Protocol):
    """Takes alerts on behalf of a person: a mailbox, a webhook, a program."""

    def deliver(self, alert: Alert, delivery_id: str) -> None:
        """Hand an alert over; returns when it was accepted.

        The same `delivery_id` may come again after a crash. PassingError or PermanentError when it was not accepted.
        """


class AlertQueue(Protocol):
    """Alerts and their deliveries, durable; processes may share it."""

    def add(self, alert: Alert, rules: Iterable[tuple[str, datetime]], condition: str = "") -> bool:
        """Keep an alert with a delivery by each rule, due at that time; durable when this returns.

        With `condition`, that begins with it.

        False when an alert of that key is there already: nothing changes.
        """

    def claim(self, now: datetime, until: datetime) -> AlertDelivery | None:
        """Take one delivery that is due, or None; nobody else gets it before `until`."""

    def claim_more(self, rule: str, now: datetime, until: datetime, most: int) -> list[AlertDelivery]:
        """Take the deliveries of one rule that are due, oldest first.

        Nobody else gets them before `until`.
        """

    def sent(self, rule: str, since: datetime) -> list[SentAlert]:
        """What was accepted by that rule since then, oldest first; a repetition counts once."""

    def note_failure(self, delivery: AlertDelivery, state: DeliveryState, next_at: datetime | None, error: str) -> None:
        """Write that a claimed delivery was not accepted, and why."""

    def accept(self, delivery: AlertDelivery, message: str, now: datetime, next_at: datetime | None) -> None:
        """Write that it was accepted in that message; `next_at`: when it is repeated."""

    def postpone(self, delivery: AlertDelivery, until: datetime) -> None:
        """Leave a claimed delivery as it is until that time."""

    def end(self, delivery: AlertDelivery) -> None:
        """Repeat a delivery no more."""

    def deliveries(self, states: Sequence[DeliveryState] = (), limit: int = 100) -> list[AlertDelivery]:
        """Deliveries in these states (none: in all), newest first."""

    def counts(self) -> Mapping[tuple[str, DeliveryState], int]:
        """The number of deliveries by rule and state."""

    def conditions(self) -> dict[str, tuple[datetime, datetime]]:
        """What lasted when it was last looked at: since when, and when it was seen last."""

    def see(self, keys: Iterable[str], now: datetime, forget_before: datetime) -> None:
        """Write that these conditions last now; forgets those not seen since `forget_before`."""

    def close(self) -> None:
        """Close it."""
