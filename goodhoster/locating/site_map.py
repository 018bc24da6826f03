"""Map of hosts to sites, independent of the web server or panel it was read from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote

from goodhoster.errors import UnclearRouteError
from goodhoster.locating.routes import pattern_of
from goodhoster.locating.urls import host_name
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.notices import Matching, PathRoute, Site

WEB_PORTS = (80, 443)
"""Of a site of which nobody tells its ports."""


@dataclass(frozen=True, slots=True)
class Answering:
    """A site that answers for a host, and the variables that its name pattern sets."""

    site: Site
    variables: Mapping[str, str]
    """`host`, and the groups of a regular expression, by name and number."""


class SiteMap:
    """All sites, found by host name in nginx's order: exact, `*.name`, `name.*`, pattern."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._sites = tuple(sites)
        self._named: dict[str, list[Site]] = defaultdict(list)
        self._patterns: list[tuple[str, Site]] = []
        self._contacts: dict[str, AbuseContact] = {}
        self._unnamed: list[str] = []
        self._ports = {port for site in self._sites for port in site.ports or WEB_PORTS}
        for site in self._sites:
            if site.contact:
                self._contacts.setdefault(site.contact.customer, site.contact)
            if site.trouble and not site.names:
                self._unnamed.append(site.trouble)
            for name in site.names:
                if name.startswith("~"):
                    self._enter_pattern(name[1:], site)
                else:
                    self._enter(host_name(name), site)

    def _enter_pattern(self, pattern: str, site: Site) -> None:
        """Enter a pattern; one that cannot be compared may match any host."""
        try:
            pattern_of(pattern)
        except UnclearRouteError as error:
            self._unnamed.append(str(error))
        else:
            self._patterns.append((pattern, site))

    def _enter(self, name: str, site: Site) -> None:
        if name.startswith("."):
            self._named[name[1:]].append(site)
            name = "*" + name
        self._named[name].append(site)

    def __bool__(self) -> bool:
        return bool(self._sites)

    def named(self, host: str) -> list[Answering]:
        """Sites that have this host among their names, the first for each port; empty when none has."""
        found: list[Answering] = []
        taken: set[int] = set()
        for level in self._levels(host):
            free = [(answering, {*(answering.site.ports or WEB_PORTS)} - taken) for answering in level]
            for answering, ports in free:
                if ports:
                    site = answering.site
                    found.append(
                        answering if not found else replace(answering, site=replace(site, ports=tuple(sorted(ports))))
                    )
            taken |= {port for _, ports in free for port in ports}
            if self._ports <= taken:
                break  # a thousand patterns need not be compared
        return found

    def _levels(self, host: str) -> Iterator[list[Answering]]:
        """Groups of sites of equal precedence, the first to be asked first."""
        for key in _keys(host):
            if sites := self._named.get(key):
                yield [Answering(site, {"host": host}) for site in sites]
        for pattern, site in self._patterns:
            if match := pattern_of(pattern).search(host):
                numbered = {str(n): value or "" for n, value in enumerate(match.groups(), 1)}
                yield [Answering(site, {"host": host} | numbered | match.groupdict(""))]

    @property
    def troubles(self) -> list[str]:
        """Parts of the web servers' configurations that cannot be followed, each once."""
        named = (site.trouble for site in self._sites if site.trouble)
        return list(dict.fromkeys((*named, *self._unnamed)))

    @property
    def unnamed(self) -> str:
        """Reasons why there may be sites of unknown name; empty when there are none."""
        return next(iter(self._unnamed), "")

    def ports_of(self, host: str) -> frozenset[int]:
        """Ports on which a site of that name answers, as far as the directories report."""
        return frozenset(port for answering in self.named(host) for port in answering.site.ports)

    def docroots_of(self, host: str) -> frozenset[bytes]:
        """Directories that a site of that name shows, as far as the directories report."""
        routes = (route for answering in self.named(host) for route in answering.site.routes)
        return frozenset(route.directory for route in routes if route.directory)

    def addresses_of(self, path: bytes) -> Iterator[str]:
        """Addresses (`host/path`) at which sites show a file, by the directories they show.

        Rewriting is not followed backwards, and of a site that answers for any name there is none.
        """
        parts = path.split(b"/")
        for depth in range(len(parts) - 1, 0, -1):
            for site, route in self._by_directory.get(b"/".join(parts[:depth]), ()):
                shown = quote(b"/" + b"/".join(parts[depth:]), safe=_PLAIN_IN_PATH)
                if route.replaces:
                    shown = route.pattern.rstrip("/") + shown
                exact = route.matching is Matching.EXACT
                if shown == route.pattern if exact else shown.startswith(route.pattern):
                    yield from (name + shown for name in _plain_names(site))

    @cached_property
    def _by_directory(self) -> Mapping[bytes, list[tuple[Site, PathRoute]]]:
        """Routes that lead to files, by their directory; those with variables in it are left out."""
        found: dict[bytes, list[tuple[Site, PathRoute]]] = defaultdict(list)
        for site in self._sites:
            for route in site.routes:
                if route.directory and b"$" not in route.directory and route.matching not in _PATTERNS:
                    found[route.directory.rstrip(b"/")].append((site, route))
        return dict(found)

    def contact_of(self, customer: str) -> AbuseContact | None:
        """Contact for that customer: the first that a directory names; None when none does."""
        return self._contacts.get(customer)

    def by_default(self, address: str, host: str) -> list[Answering]:
        """Sites that answer on this address for a name that no site has.

        Where the address is empty, those that answer on any address.
        """
        return [Answering(s, {"host": host}) for s in self._sites if s.default and (not address or _on(s, address))]


_PATTERNS = frozenset({Matching.PATTERN, Matching.PATTERN_ANY_CASE})
_PLAIN_IN_PATH = "/!$&'()*+,;=:@~"
"""Characters that a browser does not encode in a path."""


def _plain_names(site: Site) -> Iterator[str]:
    """The names of a site that are no pattern."""
    for name in site.names:
        plain = name.removeprefix(".")
        if "*" not in plain and not plain.startswith("~"):
            yield host_name(plain)


def _keys(host: str) -> list[str]:
    """Keys of the host in the map: itself, then `*.` longest first, then `.*` longest first."""
    labels = host.split(".")
    leading = ["*." + ".".join(labels[n:]) for n in range(1, len(labels))]
    trailing = [".".join(labels[:n]) + ".*" for n in range(len(labels) - 1, 0, -1)]
    return [host, *leading, *trailing]


def _on(site: Site, address: str) -> bool:
    return not site.addresses or address in site.addresses
