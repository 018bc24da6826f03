"""Snapshots of a site before and after it is suspended.

A status and a digest for each of the same few requests. Goes to our own addresses only, as the check from outside
does; of a page nothing is kept but its digest.
"""

from __future__ import annotations

import hashlib
import http.client
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from goodhoster.adapters.site_checks.http import DESK, Address, PageRequest, PinnedConnection, Reach, Viewer
from goodhoster.ports.panels import PageSnapshot

_PATHS = ("/", "/?goodhoster", "/goodhoster-no-such-page")
"""With a query too: some panels put their page at the first address alone."""
_LARGEST_PAGE = 256 << 10  # bytes of a page that are compared
_WITHIN = 10.0  # seconds for one request


@dataclass(frozen=True, slots=True)
class HttpSnapshots:
    """See `ports.SiteSnapshots`."""

    reach: Reach
    connect: tuple[Address, ...] = ()
    """Addresses to ask instead of those that the name leads to, such as those of the web server behind a proxy."""
    within: float = _WITHIN
    schemes: tuple[str, ...] = field(default=("https", "http"))

    def snapshot(self, host: str) -> Sequence[PageSnapshot]:
        """See `ports.SiteSnapshots`."""
        return [self._page(host, path) for path in _PATHS]

    def _page(self, host: str, path: str) -> PageSnapshot:
        """The answer by https; by http where nobody listens there."""
        detail = ""
        for scheme in self.schemes:
            try:
                return self._request(scheme, host, path)
            except (OSError, http.client.HTTPException, ValueError) as error:
                detail = f"{scheme} {host}: {error}"
        return PageSnapshot(path, None, detail=detail)

    def _request(self, scheme: str, host: str, path: str) -> PageSnapshot:
        addresses = self.connect or tuple(self.reach.resolver(host))
        if not addresses:
            return PageSnapshot(path, None, detail=f"{host} has no address")
        if not all(any(address in network for network in self.reach.networks) for address in addresses):
            return PageSnapshot(path, None, detail=f"{host} resolves to {addresses[0]}, which is not ours")
        until = time.monotonic() + self.within
        request = PageRequest(urlsplit(f"{scheme}://{host}{path}"), Viewer(DESK), until)
        connection = PinnedConnection(request, (str(addresses[0]), self.reach.ports[scheme]), self.within)
        try:
            connection.request("GET", path, headers=request.viewer.headers)
            answer = connection.getresponse()
            content = answer.getheader("Location", "").encode() + b"\0" + answer.read(_LARGEST_PAGE)
        finally:
            connection.end()
        if connection.over:
            raise TimeoutError("it did not answer in time")
        return PageSnapshot(path, answer.status, hashlib.sha256(content).digest())
