"""Checks our own sites over HTTP, as the hotline does.

By http and https, with and without www, as an ordinary browser. Connects to our own addresses only, whatever a name or
a redirect says: a name is resolved once, every address must be in our networks, and the connection goes to that
address, at a port for the web or one that our own web server serves the site on. Nothing of an answer is kept but its
status and its kind. What a desktop browser does not see any more is checked once more as a phone, and through each
proxy in another network that is set: a site may hide from one of them.

The site is a customer's, who may want us to wait: a request ends in time whatever its server does, and one that let the
time run out is not asked again for a while.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, urljoin, urlsplit

from goodhoster.model.content_kinds import WEB_SUFFIXES
from goodhoster.model.notice_status import Seen, Sight

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WITHIN = 10.0  # seconds for one request
_REQUESTS = 4  # so many times that for all ways of asking for one URL, with what they redirect to
_SKIPPED_FOR = 60.0  # seconds
_MOST_SKIPPED = 1000  # servers remembered
_REDIRECTS = 3
_PASSING = frozenset({408, 425, 429})
_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,*/*;q=0.8"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
_PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.6 Mobile/15E148 Safari/604.1"
)
_LONGEST_REFUSAL = 8192  # bytes of a proxy's answer


def resolve(host: str) -> list[Address]:
    """Every address of a name; empty when it has none. OSError when it cannot be resolved."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in {socket.EAI_NONAME, socket.EAI_NODATA}:
            return []
        raise
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The answer of one address to one request."""

    sight: Sight | None
    """None: there is nothing that could answer (no such name, nobody listens)."""
    detail: str


def _no_further_ports(_host: str) -> frozenset[int]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Reach:
    """The addresses that may be checked, and the proxies to check them from."""

    networks: Sequence[Network]
    """Our own."""
    resolver: Callable[[str], list[Address]] = resolve
    ports: Mapping[str, int] = field(default_factory=lambda: {"http": 80, "https": 443})
    """Of the schemes."""
    served: Callable[[str], frozenset[int]] = _no_further_ports
    """The ports on which our own web server serves a host, beside those."""
    proxies: Sequence[tuple[str, int]] = ()
    """In other networks, by host and port, spoken to in HTTP."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A browser that the check acts as."""

    agent: str
    """User-Agent of an ordinary browser."""
    proxy: tuple[str, int] | None = None
    """In another network; None: from here."""

    @property
    def where(self) -> str:
        """The browser and proxy, for messages."""
        return f"through {self.proxy[0]}: " if self.proxy else "as a phone: " if self.agent == _PHONE else ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of its requests, beside Host."""
        return {"User-Agent": self.agent, "Accept": _ACCEPT, "Accept-Language": "en,nl;q=0.8", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One URL to request, with its browser and time limit."""

    way: SplitResult
    viewer: Viewer
    until: float
    redirects: int = _REDIRECTS


class HttpOutside:
    """See `ports.Outside`."""

    def __init__(self, reach: Reach, within: float = _WITHIN) -> None:
        self._reach = reach
        self._within = within
        self._others = (Viewer(_PHONE), *(Viewer(DESK, proxy) for proxy in reach.proxies))
        self._skipped_until: dict[tuple[str, str], float] = {}

    def look(self, url: str) -> Seen:
        """See `ports.Outside`."""
        try:
            ways = list(self._ways(url))
            seen = self._combined([self._outcome_of(request) for request in self._requests(ways, Viewer(DESK))])
            for viewer in self._others if seen.sight is Sight.GONE else ():
                again = self._combined([self._outcome_of(request) for request in self._requests(ways[:1], viewer)])
                if again.sight is not Sight.GONE:
                    return Seen(again.sight, viewer.where + again.detail)
        except ValueError as error:
            return Seen(Sight.UNKNOWN, f"this is not an address that can be asked: {error}")
        return seen

    def _requests(self, ways: Sequence[SplitResult], viewer: Viewer) -> Iterator[PageRequest]:
        until = time.monotonic() + min(_REQUESTS, len(ways)) * self._within
        return (PageRequest(way, viewer, until) for way in ways)

    @staticmethod
    def _combined(outcomes: Sequence[_Outcome]) -> Seen:
        for sight in (Sight.THERE, Sight.UNKNOWN, Sight.GONE):
            for outcome in outcomes:
                if outcome.sight is sight:
                    return Seen(sight, outcome.detail)
        return Seen(Sight.UNKNOWN, "no answer there: " + "; ".join(outcome.detail for outcome in outcomes))

    def _ways(self, url: str) -> Iterator[SplitResult]:
        """The URLs to try, the given one first.

        A port in the URL belongs to the URL's own scheme.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in self._reach.ports:
            raise ValueError(parts.scheme)
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        for scheme in dict.fromkeys((parts.scheme, "http", "https")):
            for name in (host, other):
                port = f":{parts.port}" if parts.port and scheme == parts.scheme else ""
                yield parts._replace(scheme=scheme, netloc=f"[{name}]{port}" if ":" in name else name + port)

    def _outcome_of(self, request: PageRequest) -> _Outcome:
        way = request.way
        where = f"{way.scheme} {way.hostname}"
        try:
            return self._request_ours(request, where)
        except ConnectionRefusedError:
            return _Outcome(None, f"{where}: nothing listens there")
        except TimeoutError:
            return _Outcome(Sight.UNKNOWN, f"{where} did not answer in time")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return _Outcome(Sight.UNKNOWN, f"{where}: {error}")

    def _request_ours(self, request: PageRequest, where: str) -> _Outcome:
        """Request only from an address of ours, at a port that is for it."""
        way = request.way
        if not self._may_go_to(way):
            return _Outcome(Sight.UNKNOWN, f"{where}: our web server does not serve it on port {way.port}")
        addresses = self._addresses(request)
        if not addresses:
            return _Outcome(None, f"{where}: no such name")
        if not all(any(address in network for network in self._reach.networks) for address in addresses):
            return _Outcome(Sight.UNKNOWN, f"{where} resolves to {addresses[0]}, which is not ours: what is there?")
        target = (str(addresses[0]), way.port or self._reach.ports[way.scheme])
        return self._ask(PinnedConnection(request, target, self._left(request.until)), request)

    def _may_go_to(self, way: SplitResult) -> bool:
        """Return whether the port is one for the web or one that serves this site.

        No notice or redirect may lead us to anything else that listens on our machines.
        """
        return way.port is None or way.port in {*self._reach.ports.values(), *self._reach.served(way.hostname or "")}

    def _addresses(self, request: PageRequest) -> list[Address]:
        """The addresses of the site.

        TimeoutError where no time is left, or while the server is left alone after a timeout.
        """
        if self._left(request.until) <= 0 or self._is_skipped(request.way):
            raise TimeoutError
        return self._reach.resolver(request.way.hostname or "")

    def _left(self, until: float) -> float:
        """Seconds left for the next request."""
        return min(self._within, until - time.monotonic())

    def _is_skipped(self, way: SplitResult) -> bool:
        now = time.monotonic()
        if len(self._skipped_until) > _MOST_SKIPPED:
            self._skipped_until = {server: end for server, end in self._skipped_until.items() if end > now}
        return self._skipped_until.get((way.scheme, way.hostname or ""), 0.0) > now

    def _out_of_time(self, way: SplitResult) -> TimeoutError:
        self._skipped_until[way.scheme, way.hostname or ""] = time.monotonic() + _SKIPPED_FOR
        return TimeoutError()

    def _ask(self, connection: PinnedConnection, request: PageRequest) -> _Outcome:
        way = request.way
        try:
            path = (way.path or "/") + (f"?{way.query}" if way.query else "")
            whole = f"{way.scheme}://{way.netloc}{path}" if connection.by_proxy else path
            connection.request("GET", whole, headers=request.viewer.headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            if connection.over or isinstance(error, TimeoutError):
                raise self._out_of_time(way) from error
            raise
        finally:
            connection.end()
        if connection.over:  # what was read may be the half of an answer
            raise self._out_of_time(way)
        to = answer.getheader("Location", "")
        if 300 <= answer.status < 400 and to:  # noqa: PLR2004 - HTTP's redirects
            return self._follow(request, to)
        return _read(way, answer.status, answer.headers.get_content_type())

    def _follow(self, request: PageRequest, to: str) -> _Outcome:
        way, target = request.way, urlsplit(urljoin(request.way.geturl(), to))
        if request.redirects == 0 or target.scheme not in self._reach.ports:
            return _Outcome(
                Sight.UNKNOWN, f"{way.scheme} {way.hostname} redirects in a loop, or to what is not the web"
            )
        outcome = self._outcome_of(replace(request, way=target, redirects=request.redirects - 1))
        return outcome if outcome.sight else _Outcome(Sight.UNKNOWN, f"redirected: {outcome.detail}")


class PinnedConnection(http.client.HTTPConnection):
    """A connection to a checked address under the requested name; cut when the time is over."""

    def __init__(self, request: PageRequest, target: tuple[str, int], within: float) -> None:
        super().__init__(request.way.netloc.rpartition("@")[2], timeout=within)
        self.way, self._target, self._proxy = request.way, target, request.viewer.proxy
        self.by_proxy = self._proxy is not None and self.way.scheme == "http"
        """Does a proxy ask in our place? For https it only passes on what we send to that address."""
        self._wire: socket.socket | None = None
        self.over = False
        """Was it cut?"""
        self._alarm = threading.Timer(within, self._cut)
        self._alarm.daemon = True

    def connect(self) -> None:
        """Connect to the address, whatever its certificate.

        A certificate proves nothing here: visible is what anybody sees who ignores it.
        """
        self._alarm.start()
        self.sock = socket.create_connection(self._proxy or self._target, self.timeout)
        self._wire = self.sock.dup()  # TLS takes the socket itself away
        if self._proxy and not self.by_proxy:
            self._open_tunnel()
        if self.way.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock, server_hostname=self.way.hostname)

    def _open_tunnel(self) -> None:
        """Send CONNECT (RFC 9110 9.3.6). OSError where the proxy refuses it."""
        host, port = self._target
        there = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.sock.sendall(f"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n") and len(answer) < _LONGEST_REFUSAL:
            piece = self.sock.recv(1)
            if not piece:
                break
            answer += piece
        if answer.split(b" ", 2)[1:2] != [b"200"] or not answer.endswith(b"\r\n\r\n"):
            raise OSError("the proxy does not let us through")

    def end(self) -> None:
        """Close it for good.

        `close` is called as soon as the head of an answer was read: the time for the rest of it goes on.
        """
        self._alarm.cancel()
        self.close()
        if self._wire is not None:
            self._wire.close()

    def _cut(self) -> None:
        """Shut the connection down when the time is over.

        With a time limit of the socket alone, a server that sends a byte now and then would start it anew each
        time.
        """
        self.over = True
        if self._wire is not None:
            with suppress(OSError):  # closed meanwhile
                self._wire.shutdown(socket.SHUT_RDWR)


def _read(way: SplitResult, status: int, kind: str) -> _Outcome:
    where = f"{way.scheme} {way.hostname} answers {status}"
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's successes
        if kind == "text/html" and way.path.lower().endswith(WEB_SUFFIXES):
            return _Outcome(Sight.GONE, f"{where} with a page where the picture was")
        trap = ": for the hotline any page there counts as online, also one that says suspended"
        return _Outcome(Sight.THERE, where + (trap if kind == "text/html" else ""))
    if 400 <= status < 500 and status not in _PASSING:  # noqa: PLR2004 - HTTP's client errors
        return _Outcome(Sight.GONE, where)
    return _Outcome(Sight.UNKNOWN, where)
