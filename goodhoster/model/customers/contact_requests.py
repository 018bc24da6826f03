"""What we ask a customer's contact to answer, and what that proves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Deliverability(StrEnum):
    """Whether mail can be delivered to an address, as far as its form and DNS tell."""

    DELIVERABLE = "deliverable"
    """Its domain takes mail; whether anybody reads it is for a letter to find out."""
    UNDELIVERABLE = "undeliverable"
    UNCHECKED = "unchecked"
    """DNS did not answer: that says nothing against the address."""


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """The result of checking an address without writing to it."""

    result: Deliverability
    why: str = ""
    """In words."""


class RequestKind(StrEnum):
    """Why a contact is asked."""

    VERIFY = "verify"
    """To prove that somebody reads mail there."""
    PHONE = "phone"
    """To prove that somebody answers a telephone, by a code."""
    DRILL = "drill"
    """To try whether a notice would be answered in time."""
    NOTICE = "notice"
    """To act on a notice about a server of the customer's own, and say what was done."""


class Answered(StrEnum):
    """How a request was answered."""

    LINK = "link"
    REPLY = "reply"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """One question to one contact, with what became of it."""

    id: str
    kind: RequestKind
    customer: str
    address: str
    asked_at: datetime
    deadline: datetime
    """An answer after it comes too late for a drill; the address is proven by it all the same."""
    expires_at: datetime
    """Its token is good until then."""
    secret_sha256: bytes = b""
    """Of the token; of a telephone code, which is short, the scrypt hash."""
    tries: int = 0
    """Wrong codes so far."""
    answered_at: datetime | None = None
    answered_by: Answered | None = None
    failed_at: datetime | None = None
    """When it was known that it cannot be delivered."""
    failure: str = ""
    """Why, in words."""
    auto_replied_at: datetime | None = None
    """A machine answered last: that proves nothing."""
    reminded_at: datetime | None = None
    silent_at: datetime | None = None
    """When its deadline had passed without an answer."""
    notice: str = ""
    """The notice that was forwarded with it."""
    about: str = ""
    """The addresses in it, as the letter has them, one a line."""

    @property
    def settled(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.answered_at is not None or self.failed_at is not None or self.silent_at is not None

    @property
    def remind_at(self) -> datetime:
        """Half of its time."""
        return self.asked_at + (self.deadline - self.asked_at) / 2

    @property
    def in_time(self) -> bool:
        """Whether it was answered before its deadline."""
        return self.answered_at is not None and self.answered_at <= self.deadline


@dataclass(frozen=True, slots=True)
class Forwarding:
    """A notice that is forwarded to a customer."""

    notice: str
    received_at: datetime
    lines: tuple[str, ...]
    """Its addresses, as a letter may have them."""
    deadline: datetime
    """For the customer."""
    actor: str


class ContactState(StrEnum):
    """What is known of a contact."""

    NONE = "none"
    """The customer has no mail address."""
    UNCHECKED = "unchecked"
    """Nobody has tried, or it could not be checked."""
    PENDING = "pending"
    """A letter is on its way, and its answer awaited."""
    VERIFIED = "verified"
    EXPIRED = "expired"
    """It was verified too long ago."""
    INVALID = "invalid"
    """It cannot be reached: the address is none, takes no mail, or a letter came back."""


@dataclass(frozen=True, slots=True)
class ContactStatus:
    """How a customer's contact stands now."""

    state: ContactState
    verified_at: datetime | None = None
    valid_until: datetime | None = None
    why: str = ""
    """In words, where it is not verified."""
    phone_verified_at: datetime | None = None
    silent_drills: int = 0
    """Drills that nobody answered in time since the last one that was."""
