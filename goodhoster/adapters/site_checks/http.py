"""Looks at our own sites by HTTP, as the hotline does: by http and https, with and without www.

Goes to our own addresses only, whatever a name or a redirect says: a name is resolved once, every address must be in
our networks, and the connection goes to that address. Nothing of an answer is kept but its status and its kind.

The site is a customer's, who may want us to wait: a request ends in time whatever its server does, and one that
let the time run out is not asked again for a while.
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
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from goodhoster.model.notice_status import Seen, Sight

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WITHIN = 10.0  # seconds for one request
_REQUESTS = 4  # so many times that for all ways of asking for one URL, with what they redirect to
_LET_BE = 60.0  # seconds
_MOST_LET_BE = 1000  # servers remembered
_REDIRECTS = 3
_PASSING = frozenset({408, 425, 429})
_PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".bmp", ".mp4", ".webm", ".mov", ".avi", ".mkv")
_WHO = "goodhoster (looks whether removed material is gone)"


def resolve(host: str) -> list[Address]:
    """Every address of a name; empty when it has none. OSError when nobody can tell."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in {socket.EAI_NONAME, socket.EAI_NODATA}:
            return []
        raise
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class _Glance:
    """One address's answer to one way of asking."""

    sight: Sight | None
    """None: there is nothing that could answer (no such name, nobody listens)."""
    detail: str


class HttpOutside:
    """See `ports.Outside`."""

    def __init__(
        self,
        networks: Sequence[Network],
        resolver: Callable[[str], list[Address]] = resolve,
        ports: Mapping[str, int] | None = None,
        within: float = _WITHIN,
    ) -> None:
        self._networks = tuple(networks)
        self._resolve = resolver
        self._ports = ports or {"http": 80, "https": 443}
        self._within = within
        self._let_be: dict[tuple[str, str], float] = {}

    def look(self, url: str) -> Seen:
        """See `ports.Outside`."""
        try:
            until = time.monotonic() + _REQUESTS * self._within
            glances = [self._glance(way, _REDIRECTS, until) for way in self._ways(url)]
        except ValueError as error:
            return Seen(Sight.UNKNOWN, f"this is no address that can be asked: {error}")
        for sight in (Sight.THERE, Sight.UNKNOWN, Sight.GONE):
            for glance in glances:
                if glance.sight is sight:
                    return Seen(sight, glance.detail)
        return Seen(Sight.UNKNOWN, "nobody answers there: " + "; ".join(glance.detail for glance in glances))

    def _ways(self, url: str) -> Iterator[SplitResult]:
        """The URL itself first. A port that is written belongs to its own scheme."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in self._ports:
            raise ValueError(parts.scheme)
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        for scheme in dict.fromkeys((parts.scheme, "http", "https")):
            for name in (host, other):
                port = f":{parts.port}" if parts.port and scheme == parts.scheme else ""
                yield parts._replace(scheme=scheme, netloc=f"[{name}]{port}" if ":" in name else name + port)

    def _glance(self, way: SplitResult, redirects: int, until: float) -> _Glance:
        where = f"{way.scheme} {way.hostname}"
        try:
            addresses = self._addresses(way, until)
            if not addresses:
                return _Glance(None, f"{where}: no such name")
            if not all(any(address in network for network in self._networks) for address in addresses):
                return _Glance(Sight.UNKNOWN, f"{where} leads to {addresses[0]}, which is not ours: what stands there?")
            target = (str(addresses[0]), way.port or self._ports[way.scheme])
            return self._ask(_Pinned(way, target, self._left(until)), redirects, until)
        except ConnectionRefusedError:
            return _Glance(None, f"{where}: nobody listens")
        except TimeoutError:
            return _Glance(Sight.UNKNOWN, f"{where} did not answer in time")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return _Glance(Sight.UNKNOWN, f"{where}: {error}")

    def _addresses(self, way: SplitResult, until: float) -> list[Address]:
        """TimeoutError where there is no time left, or the server is let be."""
        if self._left(until) <= 0 or self._is_let_be(way):
            raise TimeoutError
        return self._resolve(way.hostname or "")

    def _left(self, until: float) -> float:
        """Seconds for the next request."""
        return min(self._within, until - time.monotonic())

    def _is_let_be(self, way: SplitResult) -> bool:
        now = time.monotonic()
        if len(self._let_be) > _MOST_LET_BE:
            self._let_be = {server: end for server, end in self._let_be.items() if end > now}
        return self._let_be.get((way.scheme, way.hostname or ""), 0.0) > now

    def _out_of_time(self, way: SplitResult) -> TimeoutError:
        self._let_be[way.scheme, way.hostname or ""] = time.monotonic() + _LET_BE
        return TimeoutError()

    def _ask(self, connection: _Pinned, redirects: int, until: float) -> _Glance:
        way = connection.way
        try:
            path = (way.path or "/") + (f"?{way.query}" if way.query else "")
            connection.request("GET", path, headers={"User-Agent": _WHO, "Connection": "close"})
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            if connection.over or isinstance(error, TimeoutError):
                raise self._out_of_time(way) from error
            raise
        finally:
            connection.close()
        if connection.over:  # what was read may be the half of an answer
            raise self._out_of_time(way)
        to = answer.getheader("Location", "")
        if 300 <= answer.status < 400 and to:  # noqa: PLR2004 - HTTP's redirects
            return self._follow(way, to, redirects, until)
        return _read(way, answer.status, answer.headers.get_content_type())

    def _follow(self, way: SplitResult, to: str, redirects: int, until: float) -> _Glance:
        target = urlsplit(urljoin(way.geturl(), to))
        if redirects == 0 or target.scheme not in self._ports:
            return _Glance(Sight.UNKNOWN, f"{way.scheme} {way.hostname} redirects in circles or out of the web")
        glance = self._glance(target, redirects - 1, until)
        return glance if glance.sight else _Glance(Sight.UNKNOWN, f"redirected: {glance.detail}")


class _Pinned(http.client.HTTPConnection):
    """To an address that was looked at, under the name that was asked for; cut when the time is over."""

    def __init__(self, way: SplitResult, target: tuple[str, int], within: float) -> None:
        super().__init__(way.netloc.rpartition("@")[2], timeout=within)
        self.way = way
        self._target = target
        self._wire: socket.socket | None = None
        self.over = False
        """Was it cut?"""
        self._alarm = threading.Timer(within, self._cut)
        self._alarm.daemon = True

    def connect(self) -> None:
        """Connect to the address; a certificate proves nothing here, visible is what anybody sees who ignores it."""
        self._alarm.start()
        self.sock = socket.create_connection(self._target, self.timeout)
        self._wire = self.sock.dup()  # TLS takes the socket itself away
        if self.way.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock, server_hostname=self.way.hostname)

    def close(self) -> None:
        """May be called twice."""
        self._alarm.cancel()
        super().close()
        if self._wire is not None:
            self._wire.close()

    def _cut(self) -> None:
        """A server that sends a byte now and then keeps no time limit of its socket from starting anew."""
        self.over = True
        if self._wire is not None:
            with suppress(OSError):  # closed meanwhile
                self._wire.shutdown(socket.SHUT_RDWR)


def _read(way: SplitResult, status: int, kind: str) -> _Glance:
    where = f"{way.scheme} {way.hostname} answers {status}"
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's successes
        if kind == "text/html" and way.path.lower().endswith(_PICTURES):
            return _Glance(Sight.GONE, f"{where} with a page where the picture was")
        trap = ": for the hotline any page there counts as online, also one that says suspended"
        return _Glance(Sight.THERE, where + (trap if kind == "text/html" else ""))
    if 400 <= status < 500 and status not in _PASSING:  # noqa: PLR2004 - HTTP's client errors
        return _Glance(Sight.GONE, where)
    return _Glance(Sight.UNKNOWN, where)
