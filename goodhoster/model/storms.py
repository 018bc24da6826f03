"""A storm: measures that look like a wrong list rather than like so much known material.

In 2021 standard images of WordPress got into a hash database, and harmless files of many customers went offline. What
belongs to a storm is held for a person until a person lets it go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class StormKind(StrEnum):
    """What revealed the storm."""

    CONTENT = "content"
    """Files of the same content at many unrelated customers."""
    SOURCE_RATE = "source-rate"
    """A source says yes far more often than it used to."""
    SOURCE_CAP = "source-cap"
    """One source caused as many automatic measures in an hour as the house allows it."""
    CUSTOMER_CAP = "customer-cap"
    """One customer had as many automatic measures in an hour as the house allows it."""
    ATTEMPT_CONTENT = "attempt-content"
    """Applications of many unrelated customers asked about the same content; it holds attempts only."""
    ATTEMPT_SOURCE_CAP = "attempt-source-cap"
    """One source had applications told to refuse as much in an hour as the house allows; it holds attempts only."""
    ATTEMPT_CUSTOMER_CAP = "attempt-customer-cap"
    """One customer's applications had to refuse as much in an hour as the house allows; it holds attempts only."""
    EXEMPTION = "exemption"
    """A source knows what a person here stated to be harmless. Only that is held."""


CONTENT_KINDS = (StormKind.CONTENT, StormKind.ATTEMPT_CONTENT)
"""Storms of one content. A person's word about one is a word about the content, and so counts for both."""
OF_ATTEMPTS = frozenset({StormKind.ATTEMPT_CONTENT, StormKind.ATTEMPT_SOURCE_CAP, StormKind.ATTEMPT_CUSTOMER_CAP})
"""Storms that any customer who may ask at a door can bring about: they never hold a file on disk."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What a storm is about. One storm of a cause is not ended yet at most."""

    kind: StormKind
    about: str = ""
    """The SHA-256 in hexadecimal, the source's name, or the customer."""


class StormState(StrEnum):
    """What a person made of it. It brakes until it is released."""

    OPEN = "open"
    """Nobody has looked yet."""
    UNDONE = "undone"
    """A person undid it: matches of this cause are held from then on, everywhere, until it is released."""
    RELEASED = "released"
    """A person let it go on: it brakes no longer."""


@dataclass(frozen=True, slots=True)
class Storm:
    """The whole record of a storm."""

    id: str
    cause: Cause
    reason: str
    """What was seen, in plain words."""
    started_at: datetime
    sources: tuple[str, ...] = ()
    """Whose matches it is made of."""
    measures: tuple[str, ...] = ()
    """Cases with an automatic measure of this cause that was ordered before it began; the newest ones if very many."""
    part_of: str = ""
    """The storm of the same source that nobody had looked at yet when this one began: one alert for both."""
    state: StormState = StormState.OPEN
    decided_at: datetime | None = None
    """When a person last decided."""
    actor: str = ""
    decision_reason: str = ""
    """What the person gave as the reason."""
    alert_delivered: bool = False
    """The alert reached somebody."""
    decision_holder: int = 0
    """The number under which a process carries out the person's decision; 0 once all of it was tried."""

    @property
    def braking(self) -> bool:
        """True while matches of this cause are held."""
        return self.state is not StormState.RELEASED


@dataclass(frozen=True, slots=True)
class CountedCase:
    """A case as the brake counts it."""

    case_id: str
    sources: tuple[str, ...]
    at: datetime
    automatic: bool
    """The house rules alone ordered a measure."""
    storm: str = ""
    """The storm that holds it; empty when none does."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A content of a customer as a cap counts it: once an hour, whatever its copies and cases."""

    scope: str
    """Whose doing it was: see `by_source`, `by_notifier` and the like."""
    customer: str
    sha256: bytes
    at: datetime
    share: int | None = None
    """So many of one customer count among all of the scope at the most, so that none fills it alone; None: all."""


OF_CUSTOMER = ""
"""The scope of everything that a customer's files matched: caps of customers count in it."""


def by_source(source: str) -> str:
    """The scope of measures that a source ordered."""
    return f"source:{source}"


def matched_by(source: str) -> str:
    """The scope of all that a source knew, whether anything was done or not."""
    return f"matched:{source}"


@dataclass(frozen=True, slots=True)
class CapKinds:
    """What counts together against the hourly caps, and as one content at many customers.

    Files on disk and attempts at the doors do not: an application that asks again and again neither keeps known files
    online nor is kept from being refused because of them.
    """

    contents: tuple[StormKind, ...]
    """Storms of one content: the first is its own. The other one holds it, too, but for what attempts bring about: that
    holds no file before a person called the content harmless.
    """

    of_customer: str
    """The scope of everything that a customer's uploads matched."""
    customer_cap: StormKind
    source_cap: StormKind
    prefix: str = ""
    """Stands before a source's name where its cases are counted."""

    def of_content(self, sha256: bytes) -> tuple[Cause, ...]:
        """Causes of the storms of one content, its own first."""
        return tuple(Cause(kind, sha256.hex()) for kind in self.contents)

    def source(self, name: str) -> str:
        """The name under which the cases of a source are counted."""
        return self.prefix + name


FILE_CAPS = CapKinds(CONTENT_KINDS, OF_CUSTOMER, StormKind.CUSTOMER_CAP, StormKind.SOURCE_CAP)
ATTEMPT_CAPS = CapKinds(
    (StormKind.ATTEMPT_CONTENT, StormKind.CONTENT),
    "attempts",
    StormKind.ATTEMPT_CUSTOMER_CAP,
    StormKind.ATTEMPT_SOURCE_CAP,
    "attempts:",
)
"""A source's rate is that of files alone: checks at the doors are not in the census it is compared with."""


def by_notifier(notifier: str) -> str:
    """The scope of measures that a notifier's notices ordered."""
    return f"notifier:{notifier}"
