"""Ports of contacts: the record of what they were asked, letters to them, DNS."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from goodhoster.model.customers.contact_requests import (
    AddressCheck,
    Answered,
    ContactRequest,
    ContactStatus,
    Forwarding,
)
from goodhoster.model.customers.register import Customer


class ContactStore(Protocol):
    """The record of what contacts were asked.

    Every call is atomic and durable when it returns; processes may share one store.
    """

    def add(self, request: ContactRequest) -> None:
        """Record a new request."""

    def get(self, request_id: str) -> ContactRequest | None:
        """The request of that id, if any."""

    def with_secret(self, secret_sha256: bytes) -> ContactRequest | None:
        """The request whose token has that hash, if any."""

    def of_customer(self, customer_id: str) -> Sequence[ContactRequest]:
        """Everything that a customer's contacts were asked, oldest first."""

    def open(self) -> Sequence[ContactRequest]:
        """Requests that are not settled, oldest first."""

    def answer(self, request_id: str, at: datetime, how: Answered) -> bool:
        """Record the answer, once: False when there is one already, or it could not be delivered."""

    def fail(self, request_id: str, at: datetime, why: str) -> bool:
        """Record that it cannot be delivered; False when that is known, or it was answered."""

    def silent(self, request_id: str, at: datetime) -> bool:
        """Record that its deadline passed; False when it was settled before."""

    def note_auto_reply(self, request_id: str, at: datetime) -> None:
        """Record that a machine answered."""

    def note_reminder(self, request_id: str, at: datetime) -> bool:
        """Record that it is reminded of, once: False when it was before, or it is settled."""

    def count_try(self, request_id: str) -> int:
        """Count a wrong code; returns how many there were."""

    def drilled_since(self, since: datetime) -> int:
        """How many drills were sent since then."""

    def last_drills(self) -> dict[str, datetime]:
        """When each customer was drilled last."""

    def silent_since(self, since: datetime) -> Sequence[ContactRequest]:
        """Requests whose deadline passed without an answer, asked since then; oldest first."""

    def erase(self, customer_id: str) -> None:
        """Erase everything about a customer. May be called twice."""


class ContactLetters(Protocol):
    """Letters to contacts."""

    def send(self, request: ContactRequest, token: str, customer: Customer) -> bool:
        """Queue the letter; durable when this returns.

        False when that address got as many as it may today.
        """

    def remind(self, request: ContactRequest, customer: Customer) -> bool:
        """Queue a reminder, which bears no token.

        An answer to it counts, and so does the link in the first letter.
        """

    def was_refused(self, request_id: str) -> bool:
        """Whether our mail server refused the letter for good."""


class CustomerNotices(Protocol):
    """Notices that are forwarded to customers' contacts."""

    @property
    def notice_within(self) -> timedelta:
        """How long a customer has for one, where the notice's own deadline leaves that."""

    def forward(self, customer_id: str, forwarding: Forwarding) -> ContactRequest:
        """Write to a customer's proven contact; may be called again for the same notice.

        RefusedError where the contact is not proven, or got as many letters as it may today.
        """

    def request(self, request_id: str) -> ContactRequest | None:
        """The question of that id, with what became of it, if any."""


class MailDomains(Protocol):
    """Checks of mail addresses that write to nobody."""

    def check(self, address: str) -> AddressCheck:
        """Check form and domain. Never raises: where DNS does not answer, it is *unchecked*."""


class WebDocuments(Protocol):
    """A reader of public documents on the web."""

    def text(self, url: str) -> str:
        """The beginning of the document.

        RefusedError where the server says that there is none; PassingError where that could not be learned.
        """


class ContactFacts(Protocol):
    """What others may know about contacts: gates, and the ladder of consequences."""

    def status(self, customer_id: str, *, high_risk: bool | None = None) -> ContactStatus:
        """How a customer's contact stands; `none` where the register has no such customer.

        `high_risk`: whether the customer's risk is, where the caller knows it; else it is found out.
        """

    def requests(self, customer_id: str) -> Sequence[ContactRequest]:
        """What it was asked, oldest first; a drill with `silent_at` is a fact against the customer."""
