"""Ports of vetting: evidence, identity providers, company registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from goodhoster.model.customers.vetting import (
    CompanyAnswer,
    IdentityEvent,
    IdentitySession,
    StatedFact,
    VettingEvidence,
)


class VettingStore(Protocol):
    """The record of evidence and stated facts.

    Every call is atomic and durable when it returns; processes may share one store.
    """

    def together(self) -> AbstractContextManager[None]:
        """A transaction: what this thread changes inside is one change, or none.

        Nobody else changes anything meanwhile.
        """

    def add(self, evidence: VettingEvidence) -> bool:
        """Record a piece of evidence.

        False, and nothing recorded, where the very same is there already.
        """

    def evidence_of(self, customer_id: str) -> Sequence[VettingEvidence]:
        """The evidence of a customer, oldest first by the time it happened."""

    def state_fact(self, fact: StatedFact) -> None:
        """Record what holds for a customer, in place of what was stated of that fact before."""

    def facts_of(self, customer_id: str) -> Sequence[StatedFact]:
        """What is stated of a customer."""

    def open_session(self, provider: str, reference: str, customer_id: str) -> None:
        """Record whose session it is; RefusedError where it is another customer's."""

    def customer_of_session(self, provider: str, reference: str) -> str | None:
        """Whose session it is; None where nobody opened it here."""

    def sessions_of(self, customer_id: str) -> Sequence[tuple[str, str]]:
        """The sessions of a customer as (provider, reference), oldest first."""

    def sessions(self, after: int = 0) -> Sequence[IdentitySession]:
        """The sessions opened after the one of that number, oldest first; at most a thousand."""

    def erase_vetting(self, customer_id: str) -> None:
        """Erase everything of a customer. May be called twice."""


class IdentityProvider(Protocol):
    """A service that checks identity documents.

    It is told nothing by us but the id of a session; it sees the documents, we never do.
    """

    name: str

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> IdentityEvent:
        """Read a message of the provider.

        The signature is verified over the raw bytes, in constant time, before anything is read. RefusedError where
        it is wrong or too old; UnreadableError where it is right and the message is not one that we know.
        Header names are compared whatever their case.
        """

    def pull(self, reference: str) -> IdentityEvent:
        """Ask how a session stands now.

        An answer that is not certain, an outage and an unknown session have the outcome `unchecked`, with why;
        nothing is raised for them.
        """


class CompanyRegister(Protocol):
    """A register of companies that can be asked about a number."""

    name: str
    schemes: frozenset[str]
    """Schemes of the numbers that it knows, such as `nl.kvk`."""

    def look_up(self, scheme: str, value: str) -> CompanyAnswer:
        """Ask about a number.

        `passed` where it is registered and active, `failed` where it surely is not.

        All else is `unchecked`, with why; nothing is raised.
        """


class EvidenceSource(Protocol):
    """A part of ours that proves something itself, such as that a mail address answers."""

    def evidence_of(self, customer_id: str, *, high_risk: bool) -> Sequence[VettingEvidence]:
        """What it has proven of a customer; a proof may count for less time at a high risk."""
