"""The register of customers as commands and other subjects ask it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from goodhoster.customers.importing.reseller_chains import LONGEST_CHAIN
from goodhoster.errors import RefusedError
from goodhoster.locating.urls import host_name
from goodhoster.model.customers.register import Customer, CustomerSite, PastSite
from goodhoster.ports import CustomerQuery, CustomerStore

_TOLD = 5
"""Ids that a refusal names."""


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """Everything that the register has about one customer."""

    customer: Customer
    sites: tuple[CustomerSite, ...]
    past_sites: tuple[PastSite, ...]
    former_ids: tuple[str, ...]
    chain: tuple[str, ...]
    """The resellers above, the nearest first."""
    entries: tuple[Customer, ...]
    """What each source says."""


class Register:
    """The customers and their sites."""

    def __init__(self, store: CustomerStore) -> None:
        self.store = store

    def resolve(self, short: str) -> str:
        """The id that is meant: the id itself, a former one, or the unambiguous beginning of one.

        RefusedError when there is none, or several.
        """
        if known := self.store.known(short):
            return known.id
        found = self.store.matching(short, _TOLD + 1) if short else ()
        if len(found) == 1:
            return found[0]
        if found:
            more = ", …" if len(found) > _TOLD else ""
            told = ", ".join(found[:_TOLD]) + more
            raise RefusedError(f"several customers begin with {short!r}: {told}", hint="give more of the id")
        hint = "see: goodhoster customers list"
        raise RefusedError(f"there is no customer {short!r} in the register", hint=hint)

    def record(self, customer_id: str) -> CustomerRecord:
        """Everything about the customer of this id, as `resolve` takes it."""
        customer = self.store.get(self.resolve(customer_id))
        return CustomerRecord(
            customer=customer,
            sites=tuple(self.store.sites_of(customer.id)),
            past_sites=tuple(self.store.past_sites_of(customer.id)),
            former_ids=tuple(self.store.former_ids(customer.id)),
            chain=tuple(reseller.id for reseller in self.resellers_above(customer)),
            entries=tuple(self.store.entries_of(customer.id)),
        )

    def resellers_above(self, customer: Customer) -> Iterator[Customer]:
        """The resellers above a customer, the nearest first; ends where one is not in the register."""
        seen = {customer.id}
        while customer.reseller and len(seen) <= LONGEST_CHAIN:
            above = self.store.known(customer.reseller)
            if above is None or above.id in seen:
                return
            seen.add(above.id)
            yield above
            customer = above

    def customers_below(self, reseller: str) -> Iterator[Customer]:
        """Every customer below a reseller, at any depth, each once."""
        waiting, seen = [reseller], {reseller}
        while waiting:
            for customer in self._directly_below(waiting.pop()):
                if customer.id not in seen:
                    seen.add(customer.id)
                    waiting.append(customer.id)
                    yield customer

    def _directly_below(self, reseller: str) -> Iterator[Customer]:
        """Customers whose source names the reseller, by its id of today or by a former one."""
        for named in (reseller, *self.store.former_ids(reseller)):
            yield from self.store.find(CustomerQuery(reseller=named))

    def sites_named(self, host: str) -> tuple[CustomerSite, ...]:
        """The sites of a host name in any spelling; several where sources disagree."""
        return tuple(self.store.named(host_name(host)))

    def owner_of(self, path: bytes) -> str:
        """The customer whose document root an absolute path lies in.

        Empty where it lies in none, or customers share it.
        """
        return _only_owner(self.store.holding(path))

    def customer_of_site(self, host: str) -> str:
        """Customer whose site a host name in any spelling is.

        Empty where it is nobody's, or sources disagree.
        """
        return _only_owner(self.sites_named(host))

    def customer_of_account(self, account: str) -> str:
        """Customer whose sites an account on the server owns.

        Empty where it has none, or customers share it.
        """
        return _only_owner(self.store.used_by(account))


def _only_owner(sites: Iterable[CustomerSite]) -> str:
    """The customer that all of the sites are of; empty where there is none, or more than one."""
    owners = {site.customer for site in sites}
    return owners.pop() if len(owners) == 1 else ""
