"""Requests of the crawler to our own sites.

As the check from outside: a name is resolved once, every address must be in our networks, the connection goes to that
address, at a port for the web or one that our own web server serves the site on. One address, one request: a redirect
is told and not followed. What is read is bounded in size and time and lives in memory only.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from goodhoster.adapters.site_checks.http import DESK, PageRequest, PinnedConnection, Reach, Viewer
from goodhoster.model.crawling import FetchedPage

_WITHIN = 10.0  # seconds for one request
_LARGEST_PAGE = 1 << 20
_LARGEST_FILE = 32 << 20  # bytes of anything else
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_HEAD = 1024  # bytes in which what is no text shows


@dataclass(frozen=True, slots=True)
class HttpPages:
    """See `ports.SitePages`."""

    reach: Reach
    within: float = _WITHIN
    largest: int = _LARGEST_FILE

    def get(self, url: str) -> FetchedPage:
        """See `ports.SitePages`."""
        try:
            way = urlsplit(url)
            return self._request(url, way, self._target(way))
        except TimeoutError:
            return FetchedPage(url, None, timed_out=True, detail="it did not answer in time")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return FetchedPage(url, None, detail=f"it cannot be asked: {error}")

    def _target(self, way: SplitResult) -> tuple[str, int]:
        """The address and port to connect to; OSError where it is none of ours."""
        host = way.hostname or ""
        if way.scheme not in self.reach.ports:
            raise ValueError(way.scheme)
        if way.port is not None and way.port not in {*self.reach.ports.values(), *self.reach.served(host)}:
            raise OSError(f"our web server does not serve {host} on port {way.port}")
        addresses = self.reach.resolver(host)
        if not addresses:
            raise OSError(f"{host} has no address")
        for address in addresses:
            if not any(address in network for network in self.reach.networks):
                raise OSError(f"{host} resolves to {address}, which is not ours")
        return str(addresses[0]), way.port or self.reach.ports[way.scheme]

    def _request(self, url: str, way: SplitResult, target: tuple[str, int]) -> FetchedPage:
        request = PageRequest(way, Viewer(DESK), time.monotonic() + self.within)
        connection = PinnedConnection(request, target, self.within)
        try:
            path = (way.path or "/") + (f"?{way.query}" if way.query else "")
            connection.request("GET", path, headers=request.viewer.headers)
            page = self._read(url, connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            if connection.over:
                raise TimeoutError from error
            raise
        finally:
            connection.end()
        if connection.over:  # what was read may be the half of an answer
            raise TimeoutError
        return page

    def _read(self, url: str, answer: http.client.HTTPResponse) -> FetchedPage:
        to = answer.getheader("Location", "")
        if 300 <= answer.status < 400 and to:  # noqa: PLR2004 - HTTP's redirects
            return FetchedPage(url, answer.status, redirect=urljoin(url, to))
        if answer.getheader("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            return FetchedPage(url, None, detail="it is compressed, although that was not requested")
        content = answer.read(_LARGEST_PAGE)
        html = answer.headers.get_content_type() in _HTML and b"\0" not in content[:_HEAD]
        if not html and len(content) == _LARGEST_PAGE:
            content += answer.read(self.largest - _LARGEST_PAGE)
        whole = not answer.length and not answer.read(1)
        return FetchedPage(url, answer.status, html, content, whole=whole)
