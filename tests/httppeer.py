"""A stand-in for whatever may listen where goodhoster's HTTP door should be, and its odd answers."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

KNOWN = {"verdict": "known", "decision": "refuse", "reference": "A1", "reason": ""}
CLEAR = {"verdict": "clear", "decision": "accept", "reference": None, "reason": ""}
Behaviour = Callable[[socket.socket], None]


class Peer:
    """A server on a Unix socket that does with each connection what it is told to."""

    def __init__(self, path: Path, behaviour: Behaviour) -> None:
        self.address = f"unix:{path}"
        self._behaviour = behaviour
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connected, _ = self._listening.accept()
                with connected, suppress(OSError):
                    self._behaviour(connected)

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@contextmanager
def peer(folder: Path, behaviour: Behaviour) -> Iterator[str]:
    serving = Peer(folder / "api.sock", behaviour)
    try:
        yield serving.address
    finally:
        serving.stop()


def response(body: object, status: str = "200 OK") -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(text), text)


def saying(raw: bytes, seen: list[bytes] | None = None) -> Behaviour:
    def behave(connected: socket.socket) -> None:
        received = _request(connected)
        if seen is not None:
            seen.append(received)
        connected.sendall(raw)

    return behave


def _request(connected: socket.socket) -> bytes:
    """A request with its body, or with the beginning of a long one."""
    received = b""
    while not (head := received.partition(b"\r\n\r\n"))[1]:
        received += connected.recv(65536)
    length = re.search(rb"(?i)content-length: (\d+)", head[0])
    wanted = len(head[0]) + 4 + min(int(length[1]) if length else 0, 65536)
    while len(received) < wanted:
        received += connected.recv(65536)
    return received


def dripping(connected: socket.socket) -> None:
    for byte in response(CLEAR):
        connected.sendall(bytes([byte]))
        time.sleep(0.05)


ODD = {
    "known, and yet accepted without a reason": response(CLEAR | {"verdict": "known"}),
    "each key twice": response(b'{"verdict": "known", "decision": "refuse", "verdict": "clear", "decision": "accept"}'),
    "UTF-16": response(json.dumps(CLEAR).encode("utf-16")),
    "two lengths": response(CLEAR).replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n", 1),
    "an HTML page": response(b"<html>fine</html>"),
    "nothing": b"",
    "a bare true": response(True),  # noqa: FBT003 - what JSON it is
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "an unknown verdict": response(CLEAR | {"verdict": "ok"}),
    "an unknown decision": response(CLEAR | {"decision": "store"}),
    "unchecked, and yet accepted": response(CLEAR | {"verdict": "unchecked"}),
    "clear, and yet refused": response(CLEAR | {"decision": "refuse"}),
    "a verdict that is a list": response(CLEAR | {"verdict": ["clear"]}),
    "a redirect": response(CLEAR, "302 Found"),
    "clear with 500": response(CLEAR, "500 Internal Server Error"),
    "clear with 204": response(CLEAR, "204 No Content"),
    "cut in the body": response(CLEAR)[:-5],
    "cut in the head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(CLEAR).encode(),
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "a length in other digits": "HTTP/1.1 200 OK\r\nContent-Length: ²\r\n\r\n{}".encode("latin-1"),
    "a huge length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "deep nesting": response(b"[" * 60_000),
    "no UTF-8": response(b'{"verdict": "\xff"}'),
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
    "a status that is none": response(CLEAR, "2² OK").replace(b"\xc2", b""),
}
