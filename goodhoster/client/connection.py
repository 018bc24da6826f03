"""One HTTP/1.1 exchange over a socket within one deadline.

Not `http.client`: its timeouts hold for each read alone, so that a server that sends a byte a second would be waited
for without end; it cannot pass a descriptor; and it makes up half of the time that an import may take.
"""

from __future__ import annotations

import array
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

from goodhoster.client.calls import LONGEST_ANSWER, AnswerError

_LONGEST_HEAD = 16 << 10
_DIGITS = len(str(LONGEST_ANSWER))
_HIGHEST_PORT, _LONGEST_PORT = 65535, 5
_CONNECT_AGAIN = 0.01  # seconds


class Address(NamedTuple):
    """Where the service listens: a Unix socket, or a host that needs no resolver and a port."""

    path: str
    """Of the Unix socket; empty for TCP."""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `unix:/run/goodhoster/api.sock`, `/run/…` or `http://127.0.0.1:8462`.

        ValueError for another form, and for host names: looking one up has no deadline.
        """
        path = text.removeprefix("unix:")
        if path.startswith("/"):
            return cls(path)
        host, colon, port = text.removeprefix("http://").rstrip("/").rpartition(":")
        host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
        if text.startswith("http://") and colon and _is_port(port) and _is_numeric(host):
            return cls("", host, int(port))
        raise ValueError(
            f"{text!r} is not an address of goodhoster: give unix:/path/of/socket or http://127.0.0.1:PORT "
            "(an IP address or localhost; other names would have to be looked up)"
        )


class Deadline:
    """The end of a call, whatever it is waiting for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; AnswerError when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise AnswerError("timeout", f"no answer within {self._seconds:g} s")
        return left


class Request(NamedTuple):
    """A request as it is sent."""

    head: bytes
    body: Iterable[bytes]
    descriptor: int | None = None
    """Passed with the first byte; Unix sockets only."""


class Response(NamedTuple):
    """An answer as it came."""

    status: int
    body: bytes


def head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The first lines of a request, after which the connection is closed."""
    lines = [f"{method} {target} HTTP/1.1", "Host: goodhoster", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def exchange(address: Address, request: Request, deadline: Deadline) -> Response:
    """Connect, send, and read the answer. AnswerError when there is none in time."""
    try:
        with _connect(address, deadline) as connected:
            # A server that refuses before it has read everything stops reading: what it says still counts.
            with suppress(BrokenPipeError, ConnectionResetError):
                _send(connected, request, deadline)
            return _receive(connected, deadline)
    except TimeoutError:
        deadline.left()
        raise AnswerError("timeout", "the service was too slow") from None
    except OSError as error:
        where = address.path or f"{address.host}:{address.port}"
        raise AnswerError("absent", f"no answer from {where}: {error.strerror or error}") from error


def _connect(address: Address, deadline: Deadline) -> socket.socket:
    family = socket.AF_UNIX if address.path else socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        while True:
            made.settimeout(deadline.left())
            try:
                made.connect(address.path or (address.host, address.port))
                break
            except BlockingIOError:  # a Unix socket whose queue is full says so at once, and lets nobody wait
                time.sleep(_CONNECT_AGAIN)
    except BaseException:
        made.close()
        raise
    return made


def _send(connected: socket.socket, request: Request, deadline: Deadline) -> None:
    passed = [] if request.descriptor is None else [array.array("i", [request.descriptor])]
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors) for descriptors in passed]
    connected.settimeout(deadline.left())
    sent = connected.sendmsg([request.head], ancillary)
    for part in chain([request.head[sent:]], request.body):
        connected.settimeout(deadline.left())
        connected.sendall(part)


def _receive(connected: socket.socket, deadline: Deadline) -> Response:
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        if len(received) > _LONGEST_HEAD:
            raise AnswerError("odd-answer", "the head of the answer does not end")
        received += _more(connected, deadline)
    status, length = _read_head(received[:end])
    body = received[end + 4 :]
    while len(body) < length:
        body += _more(connected, deadline)
    return Response(status, body[:length])


def _more(connected: socket.socket, deadline: Deadline) -> bytes:
    connected.settimeout(deadline.left())
    more = connected.recv(LONGEST_ANSWER)
    if not more:
        raise AnswerError("absent", "the service hung up before its answer was complete")
    return more


def _read_head(lines: bytes) -> tuple[int, int]:
    """Status and length of the body, which goodhoster always tells.

    AnswerError for anything else.
    """
    first, *rest = lines.decode("latin-1").split("\r\n")
    version, _, after = first.partition(" ")
    code = after[:3]
    if version not in {"HTTP/1.1", "HTTP/1.0"} or len(code) < 3 or not code.isdecimal():  # noqa: PLR2004 - digits
        raise AnswerError("odd-answer", "the answer is not HTTP")
    fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in rest)]
    lengths = [value for name, value in fields if name == "content-length"]
    length = lengths[0] if len(lengths) == 1 else ""
    if not (length.isascii() and length.isdecimal() and len(length) <= _DIGITS and int(length) <= LONGEST_ANSWER):
        raise AnswerError("odd-answer", f"HTTP {code} with a body of length {length[:20]!r}")
    return int(code), int(length)


def _is_port(port: str) -> bool:
    return port.isascii() and port.isdecimal() and len(port) <= _LONGEST_PORT and 0 < int(port) <= _HIGHEST_PORT


def _is_numeric(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, UnicodeError):
            socket.inet_pton(family, host)
            return True
    return False
