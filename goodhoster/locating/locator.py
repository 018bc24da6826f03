"""Location of a notice's URL: a file with its copies, dynamic, not ours, or not certain.

Every possible reading of the URL is tried, and the one that leads to something here is meant. Where two lead to
different things, or something cannot be followed with certainty, a person decides.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from goodhoster.errors import NoPlaceError, UnclearUrlError
from goodhoster.locating.copies import Copies
from goodhoster.locating.networks import Networks
from goodhoster.locating.serving import Serving
from goodhoster.locating.site_map import WEB_PORTS, Answering
from goodhoster.locating.site_map_cache import SiteMapCache
from goodhoster.locating.urls import WebAddress, read_url
from goodhoster.model.notices import Location, LocationKind, ReadItem

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NONE_KNOWN = Networks()
_MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Locator:
    """Locates a notice's items on this host. Threads may share it."""

    site_maps: SiteMapCache
    serving: Serving
    copies: Copies
    own_networks: Sequence[Network] = ()
    """Empty: unknown, so that an address tells nothing."""
    networks: Networks = _NONE_KNOWN
    """Whose the addresses of others are."""
    own_servers: Callable[[str], Sequence[str]] = lambda _: ()
    """Finds the customers on whose servers of their own an address is."""

    def locate(self, item: ReadItem) -> Location:
        """Locate an item. Raises what a directory raises where the sites cannot be told."""
        if not self.site_maps.current():
            return _unclear(
                item.urls[0], "no-directory", "no [[directory]] lists a site, so nothing can be called not ours"
            )
        location = _one_of(list(self._readings(item)))
        try:
            if location.outcome is LocationKind.FILE:
                return replace(location, files=self.copies.of(*(file.upload for file in location.files)))
            return replace(location, beside=self.copies.beside(location.place)) if location.place else location
        except NoPlaceError as error:
            return _unclear(location.url, error.reason, str(error))

    def ours(self, names: Iterable[str]) -> frozenset[str]:
        """Host names and addresses among these that lead here. Raises what a directory raises."""
        sites = self.site_maps.read_anew()
        return frozenset(name for name in names if self._ours(name) or sites.named(name))

    def _readings(self, item: ReadItem) -> Iterator[Location]:
        for url in item.urls:
            try:
                addresses = read_url(url)
            except UnclearUrlError as error:
                yield _unclear(url, error.reason, str(error))
            else:
                for address in addresses:
                    yield self._at(address, item.ip)

    def _at(self, address: WebAddress, seen_at: str, hops: int = _MOST_REDIRECTS) -> Location:
        sites = self.site_maps.current()
        answering = sites.named(address.host)
        if not answering:  # a site may have been added since
            sites = self.site_maps.read_anew()
            answering = sites.named(address.host)
        if not answering and (on_server := self._on_own_server(address, seen_at)):
            return on_server
        ours = next(filter(self._ours, (address.host, seen_at)), "")
        if not answering and ours:
            answering = sites.by_default(ours, address.host)
        if not answering:
            return self._nobodys(address, seen_at)
        location = self._shown(address, answering, hops)
        if not self._foreign(seen_at):
            return location
        return replace(location, front=seen_at, network=self.networks.owner_of(seen_at))

    def _shown(self, address: WebAddress, answering: list[Answering], hops: int) -> Location:
        """What the sites on the URL's port show.

        Where that is no file, what they show on other ports.
        """
        same = [a for a in answering if address.port in (a.site.ports or WEB_PORTS)]
        others = [a for a in answering if a not in same]
        if not same and address.port not in WEB_PORTS:
            detail = f"no web server that is known here serves {address.host} on port {address.port}"
            return _unclear(address.href, "port", detail)
        if trouble := next((a.site.trouble for a in same or others if a.site.trouble), ""):
            return _unclear(
                address.href, "configuration", f"the web server's configuration cannot be followed: {trouble}"
            )
        shown = [_one_of([self._by(a, address, hops) for a in group]) for group in (same, others) if group]
        return next((location for location in shown if location.outcome is not LocationKind.DYNAMIC), shown[0])

    def _by(self, answering: Answering, address: WebAddress, hops: int) -> Location:
        """What a site shows, or what its redirect leads to.

        Where the target of the redirect is ours, too, the file there is meant.
        """
        shown = self.serving.show(address, answering)
        if isinstance(shown, Location):
            return shown
        elsewhere = Location(LocationKind.DYNAMIC, address.href, answering.site.customer, reason="redirect")
        elsewhere = replace(elsewhere, detail=f"it redirects to {shown.url[:200]}")
        if hops == 0:
            return elsewhere
        try:
            target = self._at(read_url(shown.url)[0], "", hops - 1)
        except UnclearUrlError:
            return elsewhere
        if target.outcome is LocationKind.NOT_OURS or target.reason == "catch-all":
            return elsewhere
        return replace(target, url=address.href) if target.outcome is LocationKind.FILE else target

    def _by_default(self, address: WebAddress, seen_at: str) -> Location | None:
        """Result for a name that only a default site may answer.

        Such a site answers for any name and may show this one, too: whether the name leads here is not known.
        """
        defaults = self.site_maps.current().by_default("", address.host)
        if self._foreign(seen_at) or self._foreign(address.host) or not defaults:
            return None
        location = self._shown(address, defaults, 0)
        if location.outcome is not LocationKind.FILE:
            return None
        detail = f"no site here is called {address.host}, yet one that answers for any name shows {location.place}"
        return _unclear(address.href, "catch-all", detail)

    def _on_own_server(self, address: WebAddress, seen_at: str) -> Location | None:
        """Result for an address in a customer's network: ours to answer for, not to look into."""
        at = address.host.strip("[]") if _address(address.host.strip("[]")) else seen_at
        owners = self.own_servers(at) if _address(at) else ()
        if not owners:
            return None
        detail = f"{at} is in a network of customer {' and '.join(owners)}: forward the notice, see customers show"
        customer = owners[0] if len(owners) == 1 else ""
        server = at if customer else ""
        return replace(_unclear(address.href, "customer-network", detail), customer=customer, server=server)

    def _nobodys(self, address: WebAddress, seen_at: str) -> Location:
        if unnamed := self.site_maps.current().unnamed:
            detail = (
                f"no site here is known to be called {address.host}, and the names of one cannot be read: {unnamed}"
            )
            return _unclear(address.href, "configuration", detail)
        if self._ours(address.host) or self._ours(seen_at):
            detail = f"no site here is called {address.host}, yet its address is ours"
            return _unclear(address.href, "unknown-host", detail)
        if not self.own_networks and _address(address.host):
            detail = f"whether {address.host} is ours cannot be determined without own_networks"
            return _unclear(address.href, "unknown-host", detail)
        if by_default := self._by_default(address, seen_at):
            return by_default
        network = self.networks.owner_of(seen_at) or self.networks.owner_of(address.host.strip("[]"))
        detail = f"no site here is called {address.host}" + (f"; the network is that of {network}" if network else "")
        return Location(LocationKind.NOT_OURS, address.href, reason="unknown-host", detail=detail, network=network)

    def _ours(self, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found in network for network in self.own_networks)

    def _foreign(self, address: str) -> bool:
        """Whether it is certainly not ours."""
        return bool(self.own_networks) and _address(address) is not None and not self._ours(address)


@lru_cache(maxsize=1024)  # asked several times about the host of each address, and many have the same
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an IP address; None where it is none.

    An IPv4 address in the spelling of IPv6 (RFC 4291 2.5.5.2) is the IPv4 address.
    """
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _unclear(url: str, reason: str, detail: str) -> Location:
    return Location(LocationKind.AMBIGUOUS, url, reason=reason, detail=detail)


def _one_of(found: list[Location]) -> Location:
    """Common result of all readings.

    The one file; else a doubt; else the one dynamic URL; else nothing of ours.
    """
    files = {location.files[0].upload.place: location for location in reversed(found) if location.files}
    if len(files) > 1:
        names = ", ".join(str(place) for place in files)
        return _unclear(found[0].url, "several-files", f"it may be any of {names}")
    if files:
        return next(iter(files.values()))
    doubts = [location for location in found if location.outcome is LocationKind.AMBIGUOUS]
    dynamic = [location for location in found if location.outcome is LocationKind.DYNAMIC]
    if not doubts and len({location.url for location in dynamic}) > 1:
        return _unclear(found[0].url, "several-urls", "it can be read as several URLs of ours, none of them a file")
    return next(iter(doubts or dynamic or found))
