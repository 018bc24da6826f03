"""The sites of all directories as one map, kept for a while: reading a web server's configuration costs a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from goodhoster.errors import GoodhosterError
from goodhoster.locating.site_map import SiteMap
from goodhoster.model.contacts import Contact
from goodhoster.ports import Directory

FRESH = 60.0  # seconds


class SiteMapCache:
    """Threads may share it; two may then read the directories at the same time, which does no harm."""

    def __init__(self, directories: Sequence[Directory], now: Callable[[], float] = time.monotonic) -> None:
        self._directories = tuple(directories)
        self._now = now
        self._kept: tuple[float, SiteMap] | None = None

    def current(self) -> SiteMap:
        """A map not older than `FRESH`. Raises what a directory raises: with a map that misses its sites, something
        would be called *not ours* that is.
        """
        kept = self._kept
        if kept is None or self._now() - kept[0] > FRESH:
            kept = self._now(), SiteMap(site for directory in self._directories for site in directory.sites())
            self._kept = kept
        return kept[1]

    def ports_of(self, host: str) -> frozenset[int]:
        """The ports on which that host is served, beside those of the web; none while that cannot be told."""
        try:
            return self.current().ports_of(host)
        except GoodhosterError:
            return frozenset()

    def contact_of(self, customer: str) -> Contact | None:
        """Whom to write to about that customer; raises as `current` does."""
        return self.current().contact_of(customer)
