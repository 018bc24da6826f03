"""Alerts: what a person on duty is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert is about; rules name these."""

    ALARM = "alarm"
    """Something that must not be, such as a match without an outcome or a missing mover."""
    DEADLINE = "deadline"
    """The deadline of a notice is near."""
    OVERDUE = "overdue"
    """The deadline of a notice has passed."""
    NOTICE = "notice"
    """A notice needs a person, is back online, or was answered."""
    HELD = "held"
    """Matches wait for a decision."""
    STORM = "storm"
    """This looks like a wrong list."""
    SOURCE_REFUSED = "source-refused"
    """A hash source refuses the account."""
    UNCHECKED = "unchecked"
    """Many more files are unchecked than an hour ago."""
    SUSPENSION = "suspension"
    """A suspension of an account or site is not as ordered."""
    EVIDENCE = "evidence"
    """Evidence may be destroyed soon: a hold on it ended, or its retention did."""
    DEGRADED = "degraded"
    """Anything else that `status` calls degraded."""
    TEST = "test"
    """Sent by `goodhoster alerts test`."""

    @property
    def ignores_quiet_hours(self) -> bool:
        """Whether it is delivered at any hour: a deadline does not sleep."""
        return self in {AlertKind.DEADLINE, AlertKind.OVERDUE, AlertKind.TEST}


PAGED = (
    AlertKind.ALARM,
    AlertKind.DEADLINE,
    AlertKind.OVERDUE,
    AlertKind.NOTICE,
    AlertKind.STORM,
    AlertKind.SUSPENSION,
    AlertKind.EVIDENCE,
)
"""What `[paging] command` is run for."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something a person must know, raised once."""

    key: str
    """The same event has the same key: it is kept once."""
    kind: AlertKind
    about: str
    """What it is about, such as the id of a notice; tells whether it still lasts."""
    subject: str
    """One line without addresses of material: it may leave the machine."""
    text: str
    raised_at: datetime


class DeliveryState(StrEnum):
    """How far one alert has come by one rule."""

    WAITING = "waiting"
    """Not accepted yet; tried again."""
    REPEATING = "repeating"
    """Accepted, and to be sent again while it lasts."""
    ACCEPTED = "accepted"
    GIVEN_UP = "given-up"
    """Tried for a week."""


@dataclass(frozen=True, slots=True)
class AlertDelivery:
    """One alert on its way by one rule."""

    number: int
    rule: str
    alert: Alert
    state: DeliveryState
    sent: int = 0
    """How often it was accepted."""
    tries: int = 0
    """Failed tries since it was last accepted."""
    next_at: datetime | None = None
    error: str = ""

    @property
    def id(self) -> str:
        """The idempotency key: the same for every try, another for each repetition."""
        return f"{self.alert.raised_at:%Y%m%d}-alert-{self.number}-{self.sent}"


@dataclass(frozen=True, slots=True)
class SentAlert:
    """An alert that a receiver accepted."""

    message: str
    """Id of the message: several alerts may be summed up in one."""
    at: datetime
    alert: Alert
