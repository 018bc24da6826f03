"""Customers as the register knows them, with their sites and services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal, TypeVar

CustomerKind = Literal["person", "company", ""]
Status = Literal["active", "suspended", "ended"]
"""`ended`: no source names the customer any more, or a source says so; what happened is kept."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One way to reach a customer; not proof that anybody answers there."""

    kind: Literal["email", "phone"]
    address: str
    purpose: str = "general"
    """`abuse`, `general`, `billing` or a word of the house's own."""


@dataclass(frozen=True, slots=True)
class Service:
    """Something the customer has a contract for."""

    id: str
    kind: str = "shared-hosting"
    """`shared-hosting`, `vps`, `dedicated`, `colocation` or a word of the house's own."""
    server: str = ""
    product: str = ""
    networks: tuple[str, ...] = ()
    """Addresses and networks that are the customer's, in CIDR form."""
    inspectable: bool = True
    """Whether we can look into its files; False on a server that only the customer can enter."""


@dataclass(frozen=True, slots=True)
class CustomerSite:
    """One site of a customer."""

    host: str
    """Lower case, punycode, without trailing dot; `*.name` stands for every name below."""
    customer: str
    docroot: bytes | None = None
    """Absolute; several sites may share one. None where the source does not tell."""
    user: str = ""
    """The account on the server that owns the files."""
    aliases: tuple[str, ...] = ()
    """Further host names in the same form."""
    origin: str = ""
    """The import that named it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every host name of the site."""
        return (self.host, *self.aliases)


@dataclass(frozen=True, slots=True)
class PastSite:
    """A site that was a customer's, until it moved to another one or was named no more."""

    host: str
    customer: str
    docroot: bytes | None
    until: datetime


@dataclass(frozen=True, slots=True)
class ContestedSite:
    """A host name or document root that two sources give to two customers."""

    name: str
    """The host name, or the document root, which begins with a slash."""
    customer: str
    other: str
    origin: str
    """The source that gives it to the other."""


@dataclass(frozen=True, slots=True)
class Customer:
    """The party whose sites we host and whom we hold to the agreements; also a reseller."""

    id: str
    """As `[[watch]] customer`, directories and cases have it."""
    name: str = ""
    kind: CustomerKind = ""
    reseller: str = ""
    """Id of the customer above; empty for our own."""
    language: str = ""
    """ISO 639-1, lower case; empty: the house's own."""
    country: str = ""
    """ISO 3166-1, two capitals."""
    contacts: tuple[Contact, ...] = ()
    services: tuple[Service, ...] = ()
    company_number: str = ""
    """`scheme:value`, such as `nl.kvk:12345678`."""
    since: date | None = None
    status: Status = "active"
    origin: str = ""
    """The import, panel or billing system that named the customer first."""
    external_ids: Mapping[str, str] = field(default_factory=dict)
    """Numbers that other systems give the customer, by the name of the system."""

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class RegisterDifference:
    """What an import would change, or has changed, in what its source said before."""

    before: int
    """Customers that the source named and that had not ended."""
    sites_before: int
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    ended: int = 0
    """Named before and no more: they end, and are not erased."""
    sites_added: int = 0
    sites_changed: int = 0
    """Also those that moved to another customer."""
    sites_removed: int = 0


@dataclass(frozen=True, slots=True)
class RegisterImport:
    """One import that was carried out."""

    origin: str
    at: datetime
    actor: str
    file: str
    customers: int
    sites: int
    rejected: int = 0


def combined(entries: Sequence[Customer]) -> Customer:
    """One customer of what several sources say of it, the first to name it first.

    Each field is the first that says something; contacts, services and numbers add up. The customer has ended
    when every source says so, and is suspended when one that has not ended says so.
    """
    first, *others = entries
    if not others:
        return first
    numbers: dict[str, str] = {}
    for entry in reversed(entries):
        numbers |= entry.external_ids
    going_on = [entry.status for entry in entries if entry.status != "ended"]
    return replace(
        first,
        **{name: _first(entries, name) for name in _SINGLE},
        contacts=distinct(contact for entry in entries for contact in entry.contacts),
        services=distinct(service for entry in entries for service in entry.services),
        external_ids=numbers,
        status="suspended" if "suspended" in going_on else "active" if going_on else "ended",
    )


def filled_up(now: Customer, before: Customer) -> Customer:
    """What a source says now, and what it said before where it says nothing now."""
    ids = {service.id for service in now.services}
    return replace(
        now,
        **{name: getattr(now, name) or getattr(before, name) for name in _SINGLE},
        contacts=now.contacts or before.contacts,
        services=(*(service for service in before.services if service.id not in ids), *now.services),
        external_ids={**before.external_ids, **now.external_ids},
    )


_SINGLE = ("name", "kind", "reseller", "language", "country", "company_number", "since")


def _first(entries: Iterable[Customer], name: str) -> Any:  # noqa: ANN401 - whatever the field holds
    return next((value for entry in entries if (value := getattr(entry, name))), getattr(Customer(""), name))


Value = TypeVar("Value")


def distinct(values: Iterable[Value]) -> tuple[Value, ...]:
    """The values in their order, each once."""
    return tuple(dict.fromkeys(values))
