"""Ports of the customer register."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from goodhoster.model.customers.legal_basis import LegalBasis
from goodhoster.model.customers.register import (
    ContestedSite,
    Customer,
    CustomerSite,
    PastSite,
    RegisterDifference,
    RegisterImport,
)


@dataclass(frozen=True, slots=True)
class CustomerQuery:
    """A filter for customers; every field that is set narrows."""

    statuses: frozenset[str] = frozenset()
    reseller: str | None = None
    """Directly below this one; empty for those of our own."""
    origin: str | None = None
    """Named by this source."""
    text: str = ""
    """Part of the id or of the name, whatever its case."""
    limit: int | None = None
    among: frozenset[str] | None = None
    """Only these ids."""


class LegalBasisStore(Protocol):
    """The record of legal bases. Every call is durable when it returns."""

    def entries(self) -> Sequence[LegalBasis]:
        """Every entry, by tree and source."""

    def put(self, basis: LegalBasis) -> None:
        """Record an entry; one of the same tree and source is replaced."""


class PersonalDataStore(Protocol):
    """Everything that is held of customers, whatever subject keeps it."""

    def held(self, customer_ids: Sequence[str]) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """What is held under these ids, by table; values are such as JSON carries."""

    def erase(self, customer_ids: Sequence[str], name: str, note: Mapping[str, str | int]) -> Mapping[str, int]:
        """Erase all of it and overwrite its bytes; tells how many entries of which table.

        May be called twice. The note is kept with that, under a name, until the audit log has it.
        """

    def unlogged(self) -> Mapping[str, Mapping[str, str | int]]:
        """The notes of what was erased that the audit log may not have yet, by name.

        Each with the number of `rows`. BusyError where bytes of it may still stand somewhere.
        """

    def note_logged(self, name: str) -> None:
        """Drop the note of that name."""


@dataclass(frozen=True, slots=True)
class ForgottenUrl:
    """A URL of a settled notice that led to the customer, and what stands in its place."""

    notice: str
    url: str
    drawn: str
    """The same for the same URL, so that no figure changes; nothing leads back from it."""
    elsewhere: bool = False
    """Another notice needs the URL."""


@dataclass(frozen=True, slots=True)
class ForgottenCustomer:
    """Who is being forgotten, for the stores beside the register that name customers."""

    ids: tuple[str, ...]
    """The id of today, and the former ones."""
    name: str
    """What stands in their place where a row must stay: drawn, so that nothing leads back."""
    cases: tuple[str, ...]
    """Their cases that are unlinked."""
    kept: tuple[str, ...] = ()
    """Their cases that stay as they are, since their files still lie in quarantine."""
    addresses: tuple[str, ...] = ()
    """Mail addresses."""
    paths: tuple[str, ...] = ()
    """Of the files in the cases that are unlinked, as they are written in messages."""
    urls: tuple[ForgottenUrl, ...] = ()
    notices: tuple[str, ...] = ()
    """Notices in which every URL is among these, or was forgotten before."""
    notices_kept: tuple[str, ...] = ()
    """Notices with a URL that is still needed: the rest of them is forgotten another time, under names that fit."""


@dataclass(frozen=True, slots=True)
class SettledUrls:
    """The URLs of notices that led to a customer, as far as nobody needs them any more."""

    urls: tuple[tuple[str, str], ...] = ()
    """Notice and URL."""
    elsewhere: frozenset[str] = frozenset()
    """Those of the URLs that other notices, or other customers, need."""
    whole: tuple[str, ...] = ()
    """Notices in which every URL is among these, or was forgotten before."""
    needed: tuple[str, ...] = ()
    """Notices of which a URL is needed: they are not done, it is blocked or still looked at, or a case is kept."""


class ReportedUrls(Protocol):
    """The URLs of notices by customer."""

    def settled_urls(self, ids: Sequence[str], kept: Collection[str]) -> SettledUrls:
        """The URLs of the customer with these ids; `kept` are cases of it that stay as they are."""


class CustomerTraces(Protocol):
    """A store beside the register that names customers: cases, index, letters, keys."""

    def unlink(self, customer: ForgottenCustomer) -> int:
        """Erase what names the customer, or put its drawn name in its place; tells how many entries.

        The bytes are gone from its files then. May be called twice.
        """


class StagedImport(Protocol):
    """What a source says now, kept aside until it is applied."""

    def add(self, customer: Customer) -> None:
        """Stage a customer; what is staged already of that id is replaced."""

    def add_site(self, site: CustomerSite) -> None:
        """Stage a site; what is staged already of that host is replaced."""

    def staged(self, customer_id: str) -> Customer | None:
        """The customer that is staged of that id."""

    def staged_site(self, host: str) -> CustomerSite | None:
        """The site that is staged of that host."""

    def drop(self, customer_id: str) -> None:
        """Take a customer and its sites out of what is staged."""

    def had_id(self, former: str, customer_id: str) -> None:
        """Stage that a customer had another id before."""

    def difference(self, *, replace: bool, keep: frozenset[str] = frozenset()) -> RegisterDifference:
        """Compare with what the source said before.

        With `replace` customers and sites that it names no more end; not those of the customers in `keep`.
        """

    def changes(self) -> Iterator[tuple[str, str]]:
        """What the last `difference` counted, by id: kind and customer.

        Kinds are `added`, `changed` and `ended`.
        """

    def contested(self) -> Iterator[ContestedSite]:
        """Names that the last `difference` gives to one customer and others to another.

        By the name itself, hosts first.

        Host names, aliases and document roots, by the name itself; what lies below a name or directory is not compared.
        """

    def apply(self, done: RegisterImport) -> None:
        """Carry out what the last `difference` counted: all of it, or nothing."""


class CustomerSites(Protocol):
    """Look-ups of sites.

    Each but `sites` answers in less than a millisecond at 300,000 sites.
    """

    def sites_of(self, customer_id: str) -> Sequence[CustomerSite]:
        """The sites of a customer, by host."""

    def named(self, host: str) -> Sequence[CustomerSite]:
        """The sites of that host name: by the name itself, else by the longest `*.` above it.

        More than one where sources disagree.
        """

    def holding(self, path: bytes) -> Sequence[CustomerSite]:
        """The sites with the deepest document root that a path lies in; empty when none has."""

    def used_by(self, account: str) -> Sequence[CustomerSite]:
        """The sites whose files an account on the server owns, by host; none for ""."""

    def sites(self) -> Iterator[CustomerSite]:
        """Every site, by host."""

    def generation(self) -> int:
        """A number that is another one after each change of a site, by any process."""


class CustomerStore(CustomerSites, Protocol):
    """The register of customers.

    Every call is atomic and durable when it returns; processes may share one store.
    """

    def get(self, customer_id: str) -> Customer:
        """The customer of that id, or who had it before; RefusedError when there is none."""

    def known(self, customer_id: str) -> Customer | None:
        """The customer of that id, or who had it before; None when there is none.

        Cases may be about customers whom no register knows.
        """

    def entries_of(self, customer_id: str) -> Sequence[Customer]:
        """What each source says of a customer, the first to name it first."""

    def naming(self, customer_id: str) -> Sequence[str]:
        """The sources that name a customer, also as one that has ended.

        Their next import would bring it back.
        """

    def former_ids(self, customer_id: str) -> Sequence[str]:
        """The ids that a customer had before."""

    def ids(self, query: CustomerQuery) -> Sequence[str]:
        """The ids of the customers that the query describes, in their order."""

    def find(self, query: CustomerQuery) -> Iterator[Customer]:
        """The customers that the query describes, by id; each is read when its turn comes."""

    def count(self, query: CustomerQuery) -> int:
        """How many the query describes, whatever its limit."""

    def matching(self, beginning: str, limit: int) -> Sequence[str]:
        """The ids that begin so, at most `limit`: for short ids."""

    def past_sites_of(self, customer_id: str) -> Sequence[PastSite]:
        """The sites that were a customer's, the last to go first."""

    def past_owners(self, host: str) -> Sequence[PastSite]:
        """Whose a host was before, the last one first."""

    def stage(self, origin: str) -> AbstractContextManager[StagedImport]:
        """Begin an import of that source; what is not applied is forgotten at the end."""

    def imports(self, origin: str | None = None) -> Sequence[RegisterImport]:
        """The imports that were carried out, the last one first."""

    def erase(self, customer_id: str) -> None:
        """Erase everything of a customer: entries, sites, history, former ids. May be called twice."""
