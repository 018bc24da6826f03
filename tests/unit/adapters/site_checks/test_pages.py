"""Requests of the crawler, over real sockets on loopback: to our own addresses only, bounded, redirects told."""

import http.server
import ipaddress
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from goodhoster.adapters.site_checks.http import Address, Reach
from goodhoster.adapters.site_checks.pages import HttpPages
from goodhoster.adapters.site_checks.snapshots import HttpSnapshots

OURS = [ipaddress.ip_network("127.0.0.0/8")]
NAMES = {"anna.example": ["127.0.0.1"], "evil.example": ["192.0.2.1"], "half.example": ["127.0.0.1", "192.0.2.1"]}
NAMES |= {"drip.example": ["127.0.0.1"]}


class Site(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.headers['Host'].partition(':')[0]}{self.path}")
        match "/drip" if self.headers["Host"].startswith("drip.") else self.path:
            case "/moved":
                self._answer(302, b"", Location="http://evil.example/x", **{"Content-Type": "text/html"})
            case "/page":
                self._answer(200, b"<a href=x>" + b" " * (3 << 20), **{"Content-Type": "text/html; charset=utf-8"})
            case "/large":
                self._answer(200, b"\xff" * (3 << 20), **{"Content-Type": "image/jpeg"})
            case "/disguised":
                self._answer(200, b"\x89PNG\r\n\x1a\n\0\0\0", **{"Content-Type": "text/html"})
            case "/packed":
                self._answer(200, b"\x1f\x8b", **{"Content-Type": "image/png", "Content-Encoding": "gzip"})
            case "/short":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"half")
            case "/drip":
                self.send_response(200)
                self.end_headers()
                with suppress(OSError):
                    for _ in range(200):
                        self.wfile.write(b"x")
                        time.sleep(0.05)
            case _:
                self._answer(404, b"none")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.serve_forever, args=(0.01,))
    thread.start()
    yield site
    site.shutdown()
    thread.join()
    site.server_close()


def reach(site: Site) -> Reach:
    def resolve(host: str) -> list[Address]:
        return [ipaddress.ip_address(address) for address in NAMES.get(host, [])]

    return Reach(OURS, resolve, {"http": site.server_port, "https": 1})


def pages(site: Site, within: float = 60.0) -> HttpPages:
    return HttpPages(reach(site), within, largest=2 << 20)


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/x",
        "http://half.example/x",
        "http://nobody.example/x",
        "http://169.254.169.254/latest",
        "http://[::1]/x",
        "http://anna.example:22/x",
        "ftp://anna.example/x",
        "file:///etc/passwd",
        "http://anna.example\\@evil.example/",
        "http:///x",
        "",
        "http://[",
    ],
)
def test_nothing_but_our_own_addresses_and_the_ports_of_the_web_are_asked(site: Site, url: str) -> None:
    page = pages(site).get(url)
    assert (page.status, bool(page.detail), site.asked) == (None, True, [])


def test_a_redirect_is_told_and_not_followed(site: Site) -> None:
    page = pages(site).get("http://anna.example/moved")
    assert (page.status, page.redirect, site.asked) == (302, "http://evil.example/x", ["anna.example/moved"])


def test_a_page_is_cut_and_anything_else_that_is_longer_is_not_whole(site: Site) -> None:
    page = pages(site).get("http://anna.example/page")
    assert (page.html, page.whole, len(page.content)) == (True, False, 1 << 20)
    large = pages(site).get("http://anna.example/large")
    assert (large.html, large.whole, len(large.content)) == (False, False, 2 << 20)
    assert not pages(site).get("http://anna.example/short").whole


def test_what_calls_itself_a_page_and_is_a_picture_is_compared(site: Site) -> None:
    page = pages(site).get("http://anna.example/disguised")
    assert (page.html, page.whole, page.content[:4]) == (False, True, b"\x89PNG")


def test_what_is_packed_unasked_could_not_be_looked_at(site: Site) -> None:
    assert pages(site).get("http://anna.example/packed").status is None


def test_a_slow_drip_ends_in_time(site: Site) -> None:
    begun = time.monotonic()
    page = pages(site, within=0.5).get("http://anna.example/drip")
    assert (page.status, page.timed_out) == (None, True)
    assert time.monotonic() - begun < 8, "the whole page would take ten seconds"


def test_a_look_before_a_suspension_ends_in_time_too(site: Site) -> None:
    begun = time.monotonic()
    snapshots = HttpSnapshots(reach(site), within=0.5, schemes=("http",)).snapshot("drip.example")
    assert [snapshot.status for snapshot in snapshots] == [None] * 3
    assert time.monotonic() - begun < 20, "all three would take thirty seconds"
