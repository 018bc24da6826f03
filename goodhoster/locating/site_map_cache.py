"""Cache of the sites of all directories as one map.

Reading a web server's configuration takes a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from goodhoster.errors import ConfigurationError, GoodhosterError
from goodhoster.locating.site_map import SiteMap
from goodhoster.locating.urls import host_name
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.notices import Site
from goodhoster.ports import Directory

FRESH = 60.0  # seconds
_MOMENT = 10.0  # seconds: so seldom is it read again for hosts that nobody here has
_SHARE = 20
"""And no more than a twentieth of the time is spent on that: whoever names such hosts must hold nobody up."""


class SiteMapCache:
    """Cache of the site map, shared by threads.

    Two threads may read the directories at the same time, which does no harm.
    """

    def __init__(self, directories: Sequence[Directory], now: Callable[[], float] = time.monotonic) -> None:
        self._directories = tuple(directories)
        self._now = now
        self._kept: tuple[float, SiteMap] | None = None
        self._took = 0.0
        """Seconds that reading it took the last time."""
        self._last: dict[int, tuple[Site, ...]] = {}
        """What each directory told when it last could."""

    def current(self) -> SiteMap:
        """Map not older than `FRESH`.

        Raises the error of a directory that has never reported its sites, or cannot be asked just now: with a
        map that misses them, something would be called *not ours* that is.
        """
        kept = self._kept
        if kept is None or self._now() - kept[0] > FRESH:
            began = self._now()
            told = [site for number in range(len(self._directories)) for site in self._sites_of(number)]
            kept = self._now(), SiteMap(told)
            self._kept, self._took = kept, kept[0] - began
        return kept[1]

    def read_anew(self) -> SiteMap:
        """The map, read again unless it was a moment ago; for what the kept one does not know."""
        kept = self._kept
        if kept is not None and self._now() - kept[0] > max(_MOMENT, _SHARE * self._took):
            self._kept = None
        return self.current()

    def _sites_of(self, number: int) -> tuple[Site, ...]:
        """Sites of a directory; the last valid ones while its configuration is wrong.

        A web server whose configuration has become wrong continues with the one that it read before; so do we,
        and a host that is not in that may be a new one.
        """
        directory = self._directories[number]
        try:
            self._last[number] = tuple(directory.sites())
        except ConfigurationError as error:
            if number not in self._last:
                raise
            return (*self._last[number], Site("", (), (), trouble=f"{directory.name}: {error}"))
        return self._last[number]

    def troubles(self) -> list[str]:
        """Parts of the last map that could not be followed, for `status`."""
        return self._kept[1].troubles if self._kept else []

    def ports_of(self, host: str) -> frozenset[int]:
        """Ports on which that host is served besides those of the web; none while that is unknown."""
        try:
            return self.current().ports_of(host)
        except GoodhosterError:
            return frozenset()

    def docroots_of(self, host: str) -> frozenset[bytes]:
        """Directories that a site of that name shows; raises as `current` does."""
        return self.current().docroots_of(host_name(host))

    def contact_of(self, customer: str) -> AbuseContact | None:
        """Contact for that customer; raises as `current` does."""
        return self.current().contact_of(customer)
