"""Ports of control panels and billing systems, and of looking at what a suspension did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from goodhoster.model.customers.panels import BillingClient, PanelAccount, SuspensionTarget
from goodhoster.model.customers.suspensions import Suspension, SuspensionState


class Suspends(Protocol):
    """What suspends accounts or sites. For one thread at a time.

    Every call ends within its own limits of time and memory. PassingError: could not be asked now, so that nothing is
    known; PermanentError: the panel refuses, or answers what cannot be read. No message holds a password or a token.
    """

    @property
    def name(self) -> str:
        """The name in the configuration."""

    @property
    def proven(self) -> str:
        """How this adapter was tried against the real program; empty: never, experimental."""

    def account(self, account_id: str) -> PanelAccount:
        """The account as it stands now, asked anew. RefusedError when there is none of that name."""

    def suspend(self, target: SuspensionTarget, reason: str) -> None:
        """Order a suspension.

        That this returns says what the panel answered, and nothing of what it did.
        RefusedError when the panel has no way to suspend that alone.
        """

    def unsuspend(self, target: SuspensionTarget) -> None:
        """Order the end of a suspension, as `suspend`. It may lift more than that: the caller looks."""


class Panel(Suspends, Protocol):
    """A control panel."""

    def accounts(self) -> Iterator[PanelAccount]:
        """Every account with its sites; raises where not all could be read, and never ends early."""


class Billing(Suspends, Protocol):
    """A billing system; its accounts are services, by their number."""

    def clients(self) -> Iterator[BillingClient]:
        """Every client with its services; raises where not all could be read, and never ends early."""


@dataclass(frozen=True, slots=True)
class PageSnapshot:
    """The answer to one request of a site; of its content only a digest is kept."""

    path: str
    status: int | None
    """None: there was no answer."""
    digest: bytes = b""
    detail: str = ""


class SiteSnapshots(Protocol):
    """Snapshots of what a site shows, from this machine."""

    def snapshot(self, host: str) -> Sequence[PageSnapshot]:
        """The answers to the same requests each time.

        The first page with and without a query, and a page that no site has. Goes to our own addresses only, ends
        within its own limit of time, never raises.
        """


@dataclass(frozen=True, slots=True)
class SuspensionQuery:
    """A filter for suspensions; every field that is set narrows."""

    states: frozenset[SuspensionState] = frozenset()
    customer: str | None = None
    panel: str | None = None
    account: str | None = None
    due: datetime | None = None
    """To be looked at by then."""


class SuspensionStore(Protocol):
    """The record of suspensions.

    Every call is atomic and durable when it returns; processes may share one store.
    """

    def add(self, suspension: Suspension) -> None:
        """Record a new one. RefusedError when the id exists."""

    def replace(self, suspension: Suspension, *, expected: SuspensionState) -> None:
        """Replace the one of that id if it is still in that state; RefusedError otherwise."""

    def get(self, suspension_id: str) -> Suspension:
        """The suspension of that id; RefusedError when there is none."""

    def complete(self, part: str) -> str:
        """The suspension that a person means by a part of its id; RefusedError unless it is one."""

    def find(self, query: SuspensionQuery) -> Sequence[Suspension]:
        """The suspensions that the query describes, oldest first."""
