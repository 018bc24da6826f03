"""200 applications at once at the HTTP door, half of them misbehaving: no wrong answer, and nothing grows.

The everyday run takes some seconds; GOODHOSTER_PROOF=full takes the five minutes that are promised.
"""

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from goodhoster.client import Client, Upload
from tests.apidoor import CLEAR, KNOWN, ApiHost, opened, port_of
from tests.conftest import RoundCount

CLIENTS = 200


def behaving(host: ApiHost, number: int, told: Counter[str], until: float) -> None:
    """Asks about known and clear contents in turn, and counts every answer that is wrong."""
    client = Client(host.address if number % 4 else host.url, token=host.secret, timeout=300)
    rng = random.Random(number)
    while time.monotonic() < until:
        known = rng.random() < 0.1
        body = KNOWN if known else CLEAR + rng.randbytes(rng.choice([0, 100, 400_000]))
        answer = client.check_bytes(body, Upload(customer=f"c{number}"))
        wrong = answer.verdict not in ({"known"} if known else {"clear"}) and answer.verdict != "unchecked"
        told["wrong" if wrong else f"{answer.verdict} {answer.reason} {answer.detail}".strip()] += 1
        time.sleep(rng.random() * 0.5)


def head(host: ApiHost, length: int) -> bytes:
    return (
        f"POST /v1/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {host.secret}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def slow(host: ApiHost, connected: socket.socket) -> None:
    for byte in head(host, 50)[:30]:
        connected.sendall(bytes([byte]))
        time.sleep(0.1)


def huge(host: ApiHost, connected: socket.socket) -> None:
    connected.sendall(head(host, 1 << 40))
    for _ in range(50):
        connected.sendall(b"x" * 65536)


def cut_off(host: ApiHost, connected: socket.socket) -> None:
    connected.sendall(head(host, len(KNOWN)) + KNOWN[:-1])


def idle(host: ApiHost, connected: socket.socket) -> None:
    time.sleep(3)


def deaf(host: ApiHost, connected: socket.socket) -> None:
    connected.sendall((head(host, len(CLEAR)) + CLEAR) * 100)
    time.sleep(1)


def odd(host: ApiHost, connected: socket.socket) -> None:
    connected.sendall(random.randbytes(5000) + b"\r\n\r\n")
    connected.recv(1000)


MISBEHAVIOURS: list[Callable[[ApiHost, socket.socket], None]] = [slow, huge, cut_off, idle, deaf, odd]


def misbehaving(host: ApiHost, number: int, until: float) -> None:
    while time.monotonic() < until:
        behaviour = MISBEHAVIOURS[number % len(MISBEHAVIOURS)]
        with suppress(OSError), connect(host, unix=number % 2 == 0) as connected:
            connected.settimeout(10)
            behaviour(host, connected)
        time.sleep(0.05)


def connect(host: ApiHost, *, unix: bool) -> socket.socket:
    if not unix:
        return socket.create_connection(("127.0.0.1", port_of(host.url)), 10)
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(str(host.socket))
    return connected


@pytest.mark.timeout(900)
def test_a_crowd_of_which_half_misbehaves_gets_no_wrong_answer_and_makes_nothing_grow(
    tmp_path: Path, rounds: RoundCount
) -> None:
    seconds = rounds(8, 300)
    told: Counter[str] = Counter()
    with opened(tmp_path / "host", connections=1000, body_within="30s", largest_body=1_000_000) as host:
        crowd(host, told, 3)  # what is made once, such as threads and stores
        settled = wait_for_quiet(host)
        descriptors, memory = host.open_descriptors(), host.memory()
        told.clear()
        crowd(host, told, seconds)
        assert settled is not None
        wait_for_quiet(host, descriptors)
        assert told["wrong"] == 0, told
        assert told["known"] > 0
        assert told["clear"] > 0
        assert (
            sum(count for name, count in told.items() if name.startswith("unchecked")) <= sum(told.values()) // 100
        ), told
        assert host.open_descriptors() <= descriptors + 4
        assert host.memory() <= memory * 1.25 + 30_000
        assert host.client().health().ready


def crowd(host: ApiHost, told: Counter[str], seconds: float) -> None:
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=behaving, args=(host, n, told, until)) for n in range(CLIENTS // 2)]
    threads += [threading.Thread(target=misbehaving, args=(host, n, until)) for n in range(CLIENTS // 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for_quiet(host: ApiHost, descriptors: int = 0) -> int:
    """Until the last connections are closed, or nothing changes any more."""
    until = time.monotonic() + 40
    before = -1
    while time.monotonic() < until and before != (now := host.open_descriptors()) and now > descriptors:
        before = now
        time.sleep(3)
    return host.open_descriptors()
