"""Answers to "may this customer…?", and what is known of a customer for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class GateAnswer(StrEnum):
    """The answer to "may this customer…?"."""

    YES = "yes"
    NO = "no"
    UNCHECKED = "unchecked"
    """It could not be told; never taken for yes."""


@dataclass(frozen=True, slots=True)
class GateFinding:
    """What is known about one condition, with its reason in words."""

    answer: GateAnswer
    reason: str


NOT_ASKED = GateFinding(GateAnswer.UNCHECKED, "nothing is known about it here")


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What is known of a customer. Each default is *unchecked*."""

    vetting: GateFinding = NOT_ASKED
    contact: GateFinding = NOT_ASKED
    """Whether the abuse contact is proven and not expired."""
    answered_within: timedelta | None = None
    """How long the contact took the last time it was asked; None: never asked, or it did not answer."""
    contact_silent: bool = False
    """It was asked the last time and let the time pass."""
    inspectable: bool | None = None
    """Whether the hoster can look into all of the customer's servers; None: not known."""
    relay_used_at: datetime | None = None
    """When the customer last used our relay of the hash service."""
    relay_known: bool = True
    """False where the relay's figures could not be read."""
    restricted: str = ""
    """Why uploads are restricted by a measure in force; empty where they are not."""
    ended: str = ""
    """Why the customer is suspended or gone by the register; empty where it is not."""


@dataclass(frozen=True, slots=True)
class UploadAnswer:
    """The answer and everything that speaks against a yes."""

    answer: GateAnswer
    reasons: tuple[str, ...]
    observed: GateAnswer | None = None
    """In mode observe: what it would be; the answer is yes then."""
