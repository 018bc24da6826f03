"""Looking from outside, over real sockets on loopback; names are ours to resolve."""

import http.server
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from goodhoster.adapters.site_checks.http import Address, HttpOutside, Reach
from goodhoster.model.notice_status import Sight
from tests.waiting import wait_until

OURS = [ipaddress.ip_network("127.0.0.0/8")]


class Site(http.server.ThreadingHTTPServer):
    """Answers what the test says, by host and path."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str]]] = {}
        self.asked: list[str] = []
        self.agents: list[str] = []
        self.only_to = ""
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        key = f"{self.headers['Host'].partition(':')[0]}{self.path}"
        self.server.asked.append(key)
        self.server.agents.append(self.headers["User-Agent"])
        hidden = self.server.only_to not in self.headers["User-Agent"]
        status, headers = (404, {}) if hidden else self.server.answers.get(key, (404, {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

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


NAMES = {"anna.example": ["127.0.0.1"], "www.anna.example": ["127.0.0.1"], "evil.example": ["192.0.2.1"]}
NAMES |= {"half.example": ["127.0.0.1", "192.0.2.1"], "other.example": ["127.0.0.1"]}


def here(_host: str) -> list[Address]:
    return [ipaddress.ip_address("127.0.0.1")]


def outside(site: Site) -> HttpOutside:
    def resolve(host: str) -> list[Address]:
        if host == "broken.example":
            raise OSError("no name server answered")
        return [ipaddress.ip_address(address) for address in NAMES.get(host, [])]

    return HttpOutside(Reach(OURS, resolve, {"http": site.server_port, "https": 1}))


@pytest.mark.parametrize(
    ("status", "headers", "sight"),
    [
        (200, {"Content-Type": "image/jpeg"}, Sight.THERE),
        (206, {}, Sight.THERE),
        (200, {"Content-Type": "text/html; charset=utf-8"}, Sight.GONE),  # another thing stands there now
        (404, {}, Sight.GONE),
        (410, {}, Sight.GONE),
        (451, {}, Sight.GONE),
        (403, {}, Sight.GONE),
        (401, {}, Sight.GONE),
        (429, {}, Sight.UNKNOWN),
        (500, {}, Sight.UNKNOWN),
        (503, {}, Sight.UNKNOWN),
        (302, {"Location": "http://evil.example/p.jpg"}, Sight.UNKNOWN),
        (302, {"Location": "http://169.254.169.254/latest"}, Sight.UNKNOWN),
        (302, {"Location": "file:///etc/passwd"}, Sight.UNKNOWN),
        (302, {"Location": "/p.jpg"}, Sight.UNKNOWN),
        (302, {"Location": "/moved.jpg"}, Sight.THERE),
        (302, {"Location": "/nowhere.jpg"}, Sight.GONE),
        (304, {}, Sight.UNKNOWN),
    ],
)
def test_what_an_answer_says(site: Site, status: int, headers: dict[str, str], sight: Sight) -> None:
    site.answers = {"anna.example/p.jpg": (status, headers), "anna.example/moved.jpg": (200, {})}
    assert outside(site).look("http://anna.example/p.jpg").sight is sight


def test_a_page_with_status_200_counts_as_online_and_the_trap_is_named(site: Site) -> None:
    site.answers = {"anna.example/gallery.html": (200, {"Content-Type": "text/html"})}
    seen = outside(site).look("http://anna.example/gallery.html")
    assert seen.sight is Sight.THERE
    assert "suspended" in seen.detail


def test_it_is_there_when_any_way_shows_it(site: Site) -> None:
    site.answers = {"www.anna.example/p.jpg": (200, {"Content-Type": "image/jpeg"})}
    assert outside(site).look("https://anna.example/p.jpg").sight is Sight.THERE


@pytest.mark.parametrize("host", ["evil.example", "half.example", "broken.example", "nobody.example", "192.0.2.7"])
def test_names_that_lead_elsewhere_or_nowhere_are_never_called_gone(site: Site, host: str) -> None:
    assert outside(site).look(f"http://{host}/p.jpg").sight is Sight.UNKNOWN
    assert site.asked == []


def test_where_nobody_listens_nothing_is_known() -> None:
    assert (
        HttpOutside(Reach(OURS, here, {"http": 1, "https": 1})).look("http://anna.example/p.jpg").sight is Sight.UNKNOWN
    )


def test_path_and_query_are_sent_as_they_are_and_nothing_else(site: Site) -> None:
    outside(site).look("http://anna.example/a%20b/%E2.jpg?x=1&y=%22#part")
    assert set(site.asked) == {
        "anna.example/a%20b/%E2.jpg?x=1&y=%22",
        "www.anna.example/a%20b/%E2.jpg?x=1&y=%22",
    }


def test_its_own_port_is_kept_for_its_own_scheme(site: Site) -> None:
    site.answers = {"other.example/p.jpg": (200, {})}
    served = {"other.example": frozenset({site.server_port})}
    look = HttpOutside(
        Reach(OURS, here, {"http": 1, "https": 1}, served=lambda host: served.get(host, frozenset()))
    ).look
    assert look(f"http://other.example:{site.server_port}/p.jpg").sight is Sight.THERE


def test_no_port_is_asked_that_the_site_is_not_served_on(site: Site) -> None:
    """A notice, or a redirect of a customer's, sends us to nothing else that listens on our machines."""
    site.answers = {"anna.example/p.jpg": (302, {"Location": f"http://other.example:{site.server_port + 1}/"})}
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        seen = outside(site).look(f"http://anna.example:{port}/p.jpg")
        assert (seen.sight, f"on port {port}" in seen.detail) == (Sight.UNKNOWN, True)
        site.answers = {"anna.example/p.jpg": (302, {"Location": f"http://other.example:{port}/"})}
        assert outside(site).look("http://anna.example/p.jpg").sight is Sight.UNKNOWN
        other.settimeout(0.1)
        with pytest.raises(TimeoutError):
            other.accept()


def test_what_hides_from_whoever_says_that_he_is_us(site: Site) -> None:
    """A browser at a desk, and where it sees nothing, a phone."""
    site.answers = {"anna.example/p.jpg": (404, {})}
    outside(site).look("http://anna.example/p.jpg")
    assert {agent.partition(" ")[0] for agent in site.agents} == {"Mozilla/5.0"}
    assert any("iPhone" in agent for agent in site.agents)
    site.only_to = "iPhone"
    site.answers = {"anna.example/p.jpg": (200, {"Content-Type": "image/jpeg"})}
    seen = outside(site).look("http://anna.example/p.jpg")
    assert (seen.sight, seen.detail.startswith("as a phone: ")) == (Sight.THERE, True)


class Proxy(Handler):
    """Answers for the site as somebody in another network sees it."""

    def do_GET(self) -> None:
        self.path = self.path.removeprefix("http://anna.example")
        super().do_GET()

    def do_CONNECT(self) -> None:
        self.server.asked.append(f"CONNECT {self.path}")
        self.send_error(403)


def test_other_networks_see_what_is_hidden_from_here(site: Site) -> None:
    elsewhere = Site()
    elsewhere.RequestHandlerClass = Proxy
    thread = threading.Thread(target=elsewhere.serve_forever, args=(0.01,))
    thread.start()
    look = HttpOutside(
        Reach(OURS, here, {"http": site.server_port, "https": 1}, proxies=[("127.0.0.1", elsewhere.server_port)])
    ).look
    assert look("http://anna.example/p.jpg").sight is Sight.GONE
    assert elsewhere.asked == ["anna.example/p.jpg"]
    elsewhere.answers = {"anna.example/p.jpg": (200, {"Content-Type": "image/jpeg"})}
    seen = look("http://anna.example/p.jpg")
    assert (seen.sight, seen.detail.startswith("through 127.0.0.1: ")) == (Sight.THERE, True)
    elsewhere.shutdown()
    thread.join()
    elsewhere.server_close()
    assert look("http://anna.example/p.jpg").sight is Sight.UNKNOWN, "it could not be looked at from there"


@pytest.mark.parametrize(
    "url", ["http://[::1/p", "http:///p.jpg", "ftp://anna.example/p", "http://anna.example:99999/"]
)
def test_odd_urls_are_unknown_and_raise_nothing(site: Site, url: str) -> None:
    assert outside(site).look(url).sight is Sight.UNKNOWN


@contextmanager
def dripping(first: bytes, drop: bytes) -> Iterator[tuple[int, list[float]]]:
    """A server that goes on and on. Yields its port, and when it was asked."""
    asked: list[float] = []

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            asked.append(time.monotonic())
            connection.recv(4000)
            connection.sendall(first)
            while True:
                time.sleep(0.02)
                connection.sendall(drop)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], asked
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"HTTP/1.1 404 No", b"t"),
        (b"HTTP/1.1 404 Not\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (b"", b""),
    ],
    ids=["a line without end", "headers without end", "a beginning again and again", "nothing"],
)
def test_a_site_that_wants_us_to_wait_is_let_be_and_never_called_gone(first: bytes, drop: bytes) -> None:
    with dripping(first, drop) as (port, asked):
        outside = HttpOutside(Reach(OURS, here, {"http": port, "https": 1}), 0.2)
        begun = time.monotonic()
        assert [outside.look(f"http://anna.example/{n}.jpg").sight for n in range(50)] == [Sight.UNKNOWN] * 50
        assert time.monotonic() - begun < 15.0, "fifty looks would take twenty seconds"
        assert wait_until(lambda: len(asked) >= 2)
        assert len(asked) == 2, "with and without www; then it is let be"
