"""The compatible server over real sockets, asked by our own client and by hand."""

import asyncio
import gzip
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType
from typing import Self
from urllib.parse import urlsplit

import pytest

from goodhoster.adapters.hash_sources.hashcheckservice import HashCheckService, ServiceSettings
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.errors import ConfigurationError, SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category
from goodhoster.ports import HashSource
from goodhoster.testing.suites.hash_source import HashSourceSuite, made_up
from goodhoster_agent.doors import hashservice
from goodhoster_agent.doors.accounts import add_client, remove_client
from goodhoster_agent.doors.hashservice import (
    KNOWN_ON_TRIAL,
    HashServiceOptions,
    clients_file,
    serve_until,
)
from goodhoster_agent.doors.usage_figures import figures_file, read_figures

KNOWN = HashSourceSuite.KNOWN
UNKNOWN = HashSourceSuite.UNKNOWN
SHA1 = KNOWN.digests.sha1.hex()


class Running:
    """The server in a thread."""

    def __init__(self, options: HashServiceOptions) -> None:
        self.url = ""
        self._options = options
        self._ready = Event()
        self._stop: Callable[[], None] = lambda: None
        self._thread = Thread(target=asyncio.run, args=(self._serve(),))

    async def _serve(self) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stop.set)  # type: ignore[assignment]
        await serve_until(stop, self._options, self._started)

    def _started(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._stop()
            self._thread.join()


@pytest.fixture
def inner() -> MemorySource:
    return MemorySource({KNOWN.digests.of(algorithm): Category.ILLEGAL for algorithm in Algorithm}, local=False)


@pytest.fixture
def options(tmp_path: Path, inner: MemorySource) -> HashServiceOptions:
    return HashServiceOptions(tmp_path, [inner], ("127.0.0.1", 0))


@pytest.fixture
def password(tmp_path: Path) -> str:
    return add_client(clients_file(tmp_path), "customer")


@pytest.fixture
def server(options: HashServiceOptions, password: str) -> Iterator[Running]:
    assert password
    with Running(options) as server:
        yield server


@pytest.fixture
def settings(server: Running, password: str) -> ServiceSettings:
    return ServiceSettings(f"{server.url}/v1/check", "customer", password, algorithms=tuple(Algorithm))


@pytest.fixture
def client(settings: ServiceSettings) -> Iterator[HashCheckService]:
    client = HashCheckService(settings)
    yield client
    client.close()


class Asked:
    """One request by hand."""

    def __init__(
        self,
        server: Running,
        password: str,
        path: str,
        body: bytes | str,
        method: str = "POST",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        account = b64encode(f"customer:{password}".encode()).decode()
        connection.request(method, path, body, {"Authorization": f"Basic {account}", **headers})
        self.response: HTTPResponse = connection.getresponse()
        self.body = self.response.read()
        self.status = self.response.status
        connection.close()


class TestAsHashSource(HashSourceSuite):
    """Client and server together keep the promises of the port."""

    @pytest.fixture
    def source(self, client: HashCheckService) -> HashSource:
        return client


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_protocol_to_the_letter(server: Running, password: str, algorithm: Algorithm) -> None:
    yes = Asked(server, password, f"/v1/check/{algorithm}", KNOWN.digests.of(algorithm).hex)
    no = Asked(server, password, f"/v1/check/{algorithm}", UNKNOWN.digests.of(algorithm).hex.upper())
    assert [(each.status, each.body) for each in (yes, no)] == [(200, b"true"), (200, b"false")]
    assert yes.response.headers["Content-Length"] == "4"


def test_upper_case_is_the_same_digest(server: Running, password: str) -> None:
    assert Asked(server, password, "/v1/check/sha1", SHA1.upper()).body == b"true"


@pytest.mark.parametrize(
    "body",
    [
        *("", " ", SHA1[:-1], SHA1 + "\n", " " + SHA1, SHA1 + "0", "g" * 40),
        *(KNOWN.digests.md5.hex(), KNOWN.digests.sha256.hex()),
        *("٣" * 20, f'"{SHA1}"', json.dumps({"hash": SHA1}), f"{SHA1},{SHA1}", "0x" + SHA1[2:], "a" * 1_000_000),
    ],
)
def test_another_body_is_400_in_plain_words(server: Running, password: str, body: str, inner: MemorySource) -> None:
    asked = Asked(server, password, "/v1/check/sha1", body.encode())
    assert asked.status == 400
    assert b"one sha1 digest in hexadecimal" in asked.body
    assert inner.asked == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/check/photodna", 404),
        ("/v1/check/SHA1", 404),
        ("/v1/check/", 404),
        ("/v1/check", 404),
        ("/v2/check/sha1", 404),
        ("/", 404),
        ("/v1/check/../check/sha1", 404),
        ("/v1/check/sha1/", 404),
    ],
)
def test_another_address(server: Running, password: str, path: str, status: int) -> None:
    asked = Asked(server, password, path, SHA1)
    assert asked.status == status
    assert asked.body not in {b"true", b"false"}


def test_another_method(server: Running, password: str) -> None:
    asked = Asked(server, password, "/v1/check/sha1", SHA1, "PUT")
    assert (asked.status, asked.response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/v1/check/sha1", "/v1/test/check/sha1", "/elsewhere"])
def test_without_an_account_nothing_is_said(server: Running, path: str, inner: MemorySource) -> None:
    asked = Asked(server, "wrong", path, SHA1)
    assert asked.status == 401
    assert asked.response.headers["WWW-Authenticate"].startswith("Basic ")
    assert inner.asked == []


def ask_for_seconds(client: HashCheckService) -> None:
    for _ in range(1000):
        client.look_up(UNKNOWN)
        Event().wait(0.1)


def test_a_removed_client_is_refused_soon(client: HashCheckService, tmp_path: Path) -> None:
    client.look_up(KNOWN)
    remove_client(clients_file(tmp_path), "customer")
    with pytest.raises(SourceRefusedError):
        ask_for_seconds(client)


@pytest.mark.parametrize(
    ("trouble", "status", "retry_after"),
    [
        (SourceUnavailableError("down", reason="timeout"), 503, "5"),
        (SourceUnavailableError("down", reason="paused", retry_after=41.2), 503, "42"),
        (SourceRefusedError("our own account", reason="refused"), 503, "300"),
        (UncheckedError("not by sha1", reason="not-askable"), 501, None),
    ],
)
def test_what_could_not_be_checked_is_never_false(
    server: Running, password: str, inner: MemorySource, trouble: SourceUnavailableError, status: int, retry_after: str
) -> None:
    inner.trouble = trouble
    asked = Asked(server, password, "/v1/check/sha1", UNKNOWN.digests.sha1.hex())
    assert (asked.status, asked.response.headers["Retry-After"]) == (status, retry_after)
    assert asked.body.startswith(b"not checked")
    assert b"our own" not in asked.body


def test_our_client_understands_it(client: HashCheckService, inner: MemorySource) -> None:
    inner.trouble = SourceUnavailableError("down", reason="paused", retry_after=7)
    with pytest.raises(SourceUnavailableError) as caught:
        client.look_up(UNKNOWN)
    assert (caught.value.reason, caught.value.retry_after) == ("server-error", 7.0)


def test_a_bug_in_a_source_is_never_false(server: Running, password: str, inner: MemorySource) -> None:
    inner.look_up = None  # type: ignore[assignment,method-assign]
    assert Asked(server, password, "/v1/check/sha1", SHA1).status == 500


def test_the_trial_address_looks_nothing_up(server: Running, password: str, inner: MemorySource) -> None:
    trial = made_up(KNOWN_ON_TRIAL.decode()).digests.sha1.hex()
    assert Asked(server, password, "/v1/test/check/sha1", trial).body == b"true"
    assert Asked(server, password, "/v1/test/check/sha1", SHA1).body == b"false"
    assert inner.asked == []
    server.stop()


def test_figures_are_kept_by_client(
    server: Running, client: HashCheckService, inner: MemorySource, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(client.look_up, [KNOWN, UNKNOWN] * 50))
    client.probe()
    inner.trouble = SourceUnavailableError("down", reason="timeout")
    with pytest.raises(SourceUnavailableError):
        client.look_up(KNOWN)
    server.stop()
    (figure,) = read_figures(figures_file(tmp_path))
    assert (figure.client, figure.checks, figure.matches, figure.unchecked) == ("customer", 300, 150, 1)


def test_figures_are_flushed_while_serving(client: HashCheckService, tmp_path: Path) -> None:
    client.look_up(KNOWN)
    for _ in range(1000):
        if read_figures(figures_file(tmp_path)):
            break
        Event().wait(0.1)
    assert read_figures(figures_file(tmp_path))[0].matches == 3


def test_an_address_in_use(server: Running, options: HashServiceOptions) -> None:
    port = urlsplit(server.url).port
    taken = replace(options, listen=("127.0.0.1", port or 0))
    with pytest.raises(ConfigurationError, match="cannot listen"):
        asyncio.run(serve_until(asyncio.Event(), taken, print))


class TestLimits:
    @pytest.fixture
    def options(self, tmp_path: Path, inner: MemorySource) -> HashServiceOptions:
        return HashServiceOptions(tmp_path, [inner], ("127.0.0.1", 0), connections=3, idle=0.5)

    def connect(self, server: Running) -> socket.socket:
        parts = urlsplit(server.url)
        return socket.create_connection((parts.hostname, parts.port), timeout=60)

    def test_beyond_the_limit_the_oldest_that_asks_nothing_makes_room(self, options: HashServiceOptions) -> None:
        with Running(replace(options, idle=30.0)) as server, ExitStack() as stack:
            held = [stack.enter_context(self.connect(server)) for _ in range(3)]
            beyond = stack.enter_context(self.connect(server))
            assert held[0].recv(1) == b""
            beyond.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert beyond.recv(12) == b"HTTP/1.1 401"

    def test_headers_that_never_end_are_not_waited_for(self, server: Running) -> None:
        with self.connect(server) as slow:
            slow.sendall(b"POST /v1/check/sha1 HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            assert slow.recv(1) == b""

    def test_a_body_that_never_ends_is_not_waited_for(
        self, server: Running, password: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hashservice, "_BODY_WITHIN", 0.2)
        account = b64encode(f"customer:{password}".encode())
        with self.connect(server) as slow:
            slow.sendall(b"POST /v1/check/sha1 HTTP/1.1\r\nContent-Length: 40\r\n")
            slow.sendall(b"Host: x\r\nAuthorization: Basic " + account + b"\r\n\r\n0")
            assert slow.recv(12) == b"HTTP/1.1 400"

    def test_who_hangs_up_in_the_middle_leaves_no_trace(
        self, server: Running, password: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        account = b64encode(f"customer:{password}".encode())
        for _ in range(3):
            with self.connect(server) as peer:
                peer.sendall(b"POST /v1/check/sha1 HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n")
                peer.sendall(b"Authorization: Basic " + account + b"\r\n\r\n0")
                time.sleep(0.1)  # it is being read by then
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.1)
        assert "Traceback" not in caplog.text

    def test_headers_without_measure_are_refused(self, server: Running) -> None:
        with self.connect(server) as greedy:
            greedy.sendall(b"POST /v1/check/sha1 HTTP/1.1\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n")
            assert greedy.recv(12).endswith(b" 400")


PROCESS = """
import sys
from pathlib import Path
from goodhoster_agent.doors.hashservice import HashServiceOptions, serve
serve(HashServiceOptions(Path(sys.argv[1]), [], ("127.0.0.1", 0)), lambda url: print(url, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_ends_cleanly_on_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    path = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")


def idle_connections(stack: ExitStack, port: int, count: int) -> list[socket.socket]:
    """Connections of one address that ask nothing, without an account."""
    return [
        stack.enter_context(socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)))
        for _ in range(count)
    ]


def test_idle_connections_shut_it_for_nobody_else(options: HashServiceOptions, password: str) -> None:
    with Running(replace(options, connections=40)) as server, ExitStack() as stack:
        port = urlsplit(server.url).port or 0
        settings = ServiceSettings(f"{server.url}/v1/check", "customer", password, deadline=60.0)
        for _ in range(3):
            idle_connections(stack, port, 80)
            began = time.monotonic()
            with closing(HashCheckService(settings)) as client:
                assert client.look_up(KNOWN)
            assert time.monotonic() - began < 25  # an idle one is let be for half a minute


def test_a_client_that_waits_for_our_word_gets_it_at_once(server: Running, password: str) -> None:
    address = urlsplit(server.url)
    account = b64encode(f"customer:{password}".encode()).decode()
    head = (
        f"POST /v1/check/sha1 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {account}\r\n"
        f"Content-Length: {len(SHA1)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", address.port or 0), timeout=60) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(SHA1.encode())
        answer = connection.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"true")


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", SHA1.encode(), 400),
        ("deflate", SHA1.encode(), 400),
        ("gzip", gzip.compress(SHA1.encode())[:25], 400),
        ("gzip", gzip.compress(bytes(50 << 20)), 400),
        ("zstd", SHA1.encode(), 400),
        ("of our own", SHA1.encode(), 400),
        ("gzip", gzip.compress(SHA1.encode()), 200),
        ("identity", SHA1.encode(), 200),
    ],
    ids=["plain as gzip", "plain as deflate", "cut", "bomb", "zstd", "unknown", "gzip", "identity"],
)
def test_a_body_that_is_not_encoded_as_it_says_is_no_fault_of_ours(
    server: Running, password: str, encoding: str, body: bytes, status: int, inner: MemorySource
) -> None:
    asked = Asked(server, password, "/v1/check/sha1", body, headers={"Content-Encoding": encoding})
    assert asked.status == status, asked.body
    assert (asked.body == b"true", len(inner.asked)) == ((True, 1) if status == 200 else (False, 0))
