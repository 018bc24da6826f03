"""The customer register in memory, for tests and trials."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from goodhoster.errors import RefusedError
from goodhoster.model.customers.register import (
    ContestedSite,
    Customer,
    CustomerSite,
    PastSite,
    RegisterDifference,
    RegisterImport,
    combined,
    filled_up,
)
from goodhoster.ports import CustomerQuery, StagedImport


class MemoryCustomerStore:
    """See `ports.CustomerStore`; for one thread, and lost when the process ends."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Customer]] = {}
        """By customer, then by origin in the order in which they came."""
        self.by_host: dict[tuple[str, str], CustomerSite] = {}
        """By host and origin."""
        self.missed: set[tuple[str, str]] = set()
        """Customer and origin, where the source does not name the customer any more."""
        self.past: list[PastSite] = []
        self.former: dict[str, str] = {}
        self.done: list[RegisterImport] = []
        self.number = 0

    def get(self, customer_id: str) -> Customer:
        """See `ports.CustomerStore`."""
        found = self.known(customer_id)
        if found is None:
            raise RefusedError(f"there is no customer {customer_id!r} in the register")
        return found

    def known(self, customer_id: str) -> Customer | None:
        """See `ports.CustomerStore`."""
        now = customer_id if customer_id in self.entries else self.former.get(customer_id, "")
        return combined(self.entries_of(now)) if now in self.entries else None

    def entries_of(self, customer_id: str) -> Sequence[Customer]:
        """See `ports.CustomerStore`."""
        return [replace(entry, id=customer_id) for entry in self.entries.get(customer_id, {}).values()]

    def naming(self, customer_id: str) -> Sequence[str]:
        """See `ports.CustomerStore`."""
        return [origin for origin in self.entries.get(customer_id, {}) if (customer_id, origin) not in self.missed]

    def former_ids(self, customer_id: str) -> Sequence[str]:
        """See `ports.CustomerStore`."""
        return sorted(former for former, now in self.former.items() if now == customer_id)

    def ids(self, query: CustomerQuery) -> Sequence[str]:
        """See `ports.CustomerStore`."""
        return [customer.id for customer in self._described(query)][: query.limit]

    def find(self, query: CustomerQuery) -> Iterator[Customer]:
        """See `ports.CustomerStore`."""
        return map(self.get, self.ids(query))

    def count(self, query: CustomerQuery) -> int:
        """See `ports.CustomerStore`."""
        return len(self._described(query))

    def matching(self, beginning: str, limit: int) -> Sequence[str]:
        """See `ports.CustomerStore`."""
        return [customer_id for customer_id in sorted(self.entries) if customer_id.startswith(beginning)][:limit]

    def sites_of(self, customer_id: str) -> Sequence[CustomerSite]:
        """See `ports.CustomerSites`."""
        return [site for site in self.sites() if site.customer == customer_id]

    def named(self, host: str) -> Sequence[CustomerSite]:
        """See `ports.CustomerSites`."""
        labels = host.split(".")
        for name in (host, *("*." + ".".join(labels[n:]) for n in range(1, len(labels)))):
            sites = list(self.sites())
            by_host = [site for site in sites if site.host == name]
            if found := by_host + [site for site in sites if name in site.aliases]:
                return found
        return ()

    def holding(self, path: bytes) -> Sequence[CustomerSite]:
        """See `ports.CustomerSites`."""
        held = [site for site in self.sites() if site.docroot and _lies_in(path, site.docroot)]
        deepest = max((len(site.docroot or b"") for site in held), default=0)
        return [site for site in held if len(site.docroot or b"") == deepest]

    def used_by(self, account: str) -> Sequence[CustomerSite]:
        """See `ports.CustomerSites`."""
        return [site for site in self.sites() if account and site.user == account]

    def sites(self) -> Iterator[CustomerSite]:
        """See `ports.CustomerSites`."""
        return iter([self.by_host[key] for key in sorted(self.by_host)])

    def generation(self) -> int:
        """See `ports.CustomerSites`."""
        return self.number

    def past_sites_of(self, customer_id: str) -> Sequence[PastSite]:
        """See `ports.CustomerStore`."""
        return [site for site in self._past() if site.customer == customer_id]

    def past_owners(self, host: str) -> Sequence[PastSite]:
        """See `ports.CustomerStore`."""
        return [site for site in self._past() if site.host == host]

    @contextmanager
    def stage(self, origin: str) -> Iterator[StagedImport]:
        """See `ports.CustomerStore`."""
        yield MemoryStagedImport(self, origin)

    def imports(self, origin: str | None = None) -> Sequence[RegisterImport]:
        """See `ports.CustomerStore`."""
        return [done for done in reversed(self.done) if origin in {None, done.origin}]

    def erase(self, customer_id: str) -> None:
        """See `ports.CustomerStore`."""
        self.entries.pop(customer_id, None)
        self.by_host = {key: site for key, site in self.by_host.items() if site.customer != customer_id}
        self.past = [site for site in self.past if site.customer != customer_id]
        self.former = {former: now for former, now in self.former.items() if now != customer_id}
        self.number += 1

    def _past(self) -> list[PastSite]:
        return sorted(sorted(self.past, key=lambda site: site.host), key=lambda site: site.until, reverse=True)

    def _described(self, query: CustomerQuery) -> list[Customer]:
        return [
            customer
            for customer in map(self.get, sorted(self.entries))
            if (not query.statuses or customer.status in query.statuses)
            and query.reseller in {None, customer.reseller}
            and (query.origin is None or query.origin in self.entries[customer.id])
            and (query.among is None or customer.id in query.among)
            and query.text.casefold() in f"{customer.id}\n{customer.name}".casefold()
        ]


class MemoryStagedImport:
    """See `ports.StagedImport`."""

    def __init__(self, store: MemoryCustomerStore, origin: str) -> None:
        self._store, self._origin = store, origin
        self._customers: dict[str, Customer] = {}
        self._sites: dict[str, CustomerSite] = {}
        self._former: dict[str, str] = {}
        self._kinds: dict[str, str] = {}
        self._missed: set[str] = set()
        self._site_kinds: dict[str, str] = {}

    def add(self, customer: Customer) -> None:
        """See `ports.StagedImport`."""
        self._customers[customer.id] = replace(customer, origin=self._origin)

    def add_site(self, site: CustomerSite) -> None:
        """See `ports.StagedImport`."""
        self._sites[site.host] = replace(site, origin=self._origin)

    def staged(self, customer_id: str) -> Customer | None:
        """See `ports.StagedImport`."""
        return self._customers.get(customer_id)

    def staged_site(self, host: str) -> CustomerSite | None:
        """See `ports.StagedImport`."""
        return self._sites.get(host)

    def drop(self, customer_id: str) -> None:
        """See `ports.StagedImport`."""
        self._customers.pop(customer_id, None)
        self._sites = {host: site for host, site in self._sites.items() if site.customer != customer_id}
        self._former = {former: now for former, now in self._former.items() if now != customer_id}

    def had_id(self, former: str, customer_id: str) -> None:
        """See `ports.StagedImport`."""
        self._former[former] = customer_id

    def difference(self, *, replace: bool, keep: frozenset[str] = frozenset()) -> RegisterDifference:
        """See `ports.StagedImport`."""
        keep |= set(self._former)
        before = {of: by[self._origin] for of, by in self._store.entries.items() if self._origin in by}
        sites = {host: site for (host, origin), site in self._store.by_host.items() if origin == self._origin}
        if not replace:
            for of in self._customers.keys() & before.keys():
                self._customers[of] = filled_up(self._customers[of], before[of])
            for host in self._sites.keys() & sites.keys():
                self._sites[host] = _filled_up_site(self._sites[host], sites[host])
        self._kinds = {of: _kind(before.get(of), now) for of, now in self._customers.items()}
        self._site_kinds = {host: _kind(sites.get(host), now) for host, now in self._sites.items()}
        going_on = {of for of, entry in before.items() if entry.status != "ended"}
        self._missed = before.keys() - self._customers.keys() - keep if replace else set()
        if replace:
            self._kinds |= dict.fromkeys(going_on - set(self._customers) - keep, "ended")
            gone = {h for h, site in sites.items() if h not in self._sites and site.customer not in keep}
            self._site_kinds |= dict.fromkeys(gone, "removed")
        customers, kinds = list(self._kinds.values()), list(self._site_kinds.values())
        return RegisterDifference(
            before=len(going_on),
            sites_before=len(sites),
            **{kind: customers.count(kind) for kind in ("added", "changed", "unchanged", "ended")},
            **{f"sites_{kind}": kinds.count(kind) for kind in ("added", "changed", "removed")},
        )

    def changes(self) -> Iterator[tuple[str, str]]:
        """See `ports.StagedImport`."""
        return ((kind, of) for of, kind in sorted(self._kinds.items()) if kind != "unchanged")

    def contested(self) -> Iterator[ContestedSite]:
        """See `ports.StagedImport`."""
        others = [site for (_, origin), site in self._store.by_host.items() if origin != self._origin]
        found = {
            ContestedSite(name, site.customer, other.customer, other.origin)
            for site in self._sites.values()
            for other in others
            if other.customer != site.customer
            for name in _names(site) & _names(other)
        }
        # Document roots come last, as SQLite sorts bytes.
        return iter(sorted(found, key=lambda one: (one.name.startswith("/"), one.name, one.other, one.origin)))

    def apply(self, done: RegisterImport) -> None:
        """See `ports.StagedImport`."""
        store = self._store
        for former, now in self._former.items():
            if store.former.get(former) != now:  # else whoever has that id by now is somebody else
                _rename(store, former, now)
        for host, kind in self._site_kinds.items():
            old, new = store.by_host.pop((host, self._origin), None), self._sites.get(host)
            if old and (new is None or new.customer != old.customer):
                store.past.append(PastSite(host, old.customer, old.docroot, done.at))
            if kind != "removed" and new:
                store.by_host[host, self._origin] = new
        for of, kind in self._kinds.items():
            entries = store.entries.setdefault(of, {})
            ended = kind == "ended"
            entries[self._origin] = replace(entries[self._origin], status="ended") if ended else self._customers[of]
        store.missed -= {(of, self._origin) for of in self._customers}
        store.missed |= {(of, self._origin) for of in self._missed}
        store.done.append(done)
        store.number += 1


def _rename(store: MemoryCustomerStore, former: str, now: str) -> None:
    store.former = {old: now if of == former else of for old, of in store.former.items()} | {former: now}
    store.former.pop(now, None)
    store.past = [replace(site, customer=now) if site.customer == former else site for site in store.past]
    renamed = {key: replace(site, customer=now) for key, site in store.by_host.items() if site.customer == former}
    store.by_host |= renamed
    missed = {(now, origin) for of, origin in store.missed if of == former}
    store.missed = {entry for entry in store.missed if entry[0] != former} | missed
    if former in store.entries:
        store.entries[now] = store.entries.pop(former) | store.entries.get(now, {})


def _filled_up_site(now: CustomerSite, before: CustomerSite) -> CustomerSite:
    if now.customer != before.customer:
        return now
    docroot, user = now.docroot or before.docroot, now.user or before.user
    return replace(now, docroot=docroot, user=user, aliases=now.aliases or before.aliases)


def _names(site: CustomerSite) -> set[str]:
    docroot = {site.docroot.decode("utf-8", "backslashreplace")} if site.docroot else set()
    return {site.host, *site.aliases} | docroot


def _kind(before: object, now: object) -> str:
    return "added" if before is None else "unchanged" if before == now else "changed"


def _lies_in(path: bytes, docroot: bytes) -> bool:
    return path == docroot or path.startswith(os.path.join(docroot, b""))
