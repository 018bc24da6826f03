"""Which site answers for a host: the neutral map, whatever web server or panel it was read from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from goodhoster.locating.routes import pattern_of
from goodhoster.locating.urls import host_name
from goodhoster.model.contacts import Contact
from goodhoster.model.notices import Site


@dataclass(frozen=True, slots=True)
class Answering:
    """A site that answers for a host, and what its name pattern makes of that."""

    site: Site
    variables: Mapping[str, str]
    """`host`, and the groups of a regular expression, by name and number."""


class SiteMap:
    """All sites, found by host name in nginx's order: exact, `*.name`, `name.*`, pattern."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._sites = tuple(sites)
        self._named: dict[str, list[Site]] = defaultdict(list)
        self._patterns: list[tuple[str, Site]] = []
        self._contacts: dict[str, Contact] = {}
        for site in self._sites:
            if site.contact:
                self._contacts.setdefault(site.contact.customer, site.contact)
            for name in site.names:
                if name.startswith("~"):
                    self._patterns.append((name[1:], site))
                else:
                    self._enter(host_name(name), site)

    def _enter(self, name: str, site: Site) -> None:
        if name.startswith("."):
            self._named[name[1:]].append(site)
            name = "*" + name
        self._named[name].append(site)

    def __bool__(self) -> bool:
        return bool(self._sites)

    def named(self, host: str) -> list[Answering]:
        """The sites that have this host among their names; empty when none has."""
        for key in _keys(host):
            if found := self._named.get(key):
                return [Answering(site, {"host": host}) for site in found]
        return self._by_pattern(host)

    def ports_of(self, host: str) -> frozenset[int]:
        """The ports on which a site of that name answers, as far as the directories tell."""
        return frozenset(port for answering in self.named(host) for port in answering.site.ports)

    def contact_of(self, customer: str) -> Contact | None:
        """Whom to write to about that customer: the first whom a directory names; None when none does."""
        return self._contacts.get(customer)

    def by_default(self, address: str) -> list[Answering]:
        """The sites that answer on this address for names that no site has."""
        return [Answering(s, {"host": address}) for s in self._sites if s.default and _on(s, address)]

    def _by_pattern(self, host: str) -> list[Answering]:
        found = []
        for text, site in self._patterns:
            if match := pattern_of(text).search(host):
                numbered = {str(n): value or "" for n, value in enumerate(match.groups(), 1)}
                found.append(Answering(site, {"host": host} | numbered | match.groupdict("")))
                break
        return found


def _keys(host: str) -> list[str]:
    """The host as it is entered in the map: itself, then `*.` longest first, then `.*` longest first."""
    labels = host.split(".")
    leading = ["*." + ".".join(labels[n:]) for n in range(1, len(labels))]
    trailing = [".".join(labels[:n]) + ".*" for n in range(len(labels) - 1, 0, -1)]
    return [host, *leading, *trailing]


def _on(site: Site, address: str) -> bool:
    return not site.addresses or address in site.addresses
