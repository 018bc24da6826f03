"""The client for threads and processes that wait for the answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_ISREG
from typing import Any, TypeVar

from goodhoster.client import calls
from goodhoster.client.answers import Answer, Health, OutcomeReport, Permission
from goodhoster.client.calls import AnswerError, Call, Upload
from goodhoster.client.connection import Address, Deadline, Request, exchange, head

T = TypeVar("T")
ADDRESS = "unix:/run/goodhoster/api.sock"
TIMEOUT = 5.0  # seconds
NOTHING_KNOWN = Upload()
_AT_A_TIME = 1 << 20


class Client:
    """A client of goodhoster's HTTP door. Threads may share it; it keeps no connection open."""

    def __init__(self, address: str = ADDRESS, *, token: str = "", timeout: float = TIMEOUT) -> None:
        """Take note of where to ask; nothing is connected.

        ValueError for an address or token that can be none. `timeout` is in seconds and holds for a whole call:
        connecting, sending, waiting and reading.
        """
        self._given = address
        self._address = Address.parse(address)
        self._token = checked_token(token)
        self._timeout = timeout

    @classmethod
    def from_environment(cls) -> Client:
        """Make the client that GOODHOSTER_API and GOODHOSTER_API_TOKEN describe.

        Its default where they are not set.
        """
        return cls(os.environ.get("GOODHOSTER_API") or ADDRESS, token=os.environ.get("GOODHOSTER_API_TOKEN", ""))

    def with_token(self, token: str) -> Client:
        """Make the same client with another token."""
        return Client(self._given, token=token, timeout=self._timeout)

    def with_timeout(self, timeout: float) -> Client:
        """Make the same client with another timeout; ValueError unless it is above 0."""
        if not timeout > 0:
            raise ValueError("the timeout must be above 0 seconds")
        return Client(self._given, token=self._token, timeout=timeout)

    def check_bytes(self, content: bytes, upload: Upload = NOTHING_KNOWN) -> Answer:
        """Ask about a content before it is stored."""
        return self._ask(calls.check_bytes(content, upload))

    def check_path(self, path: str | bytes | os.PathLike[str], upload: Upload = NOTHING_KNOWN) -> Answer:
        """Ask about a file that this process may read.

        Over a Unix socket its descriptor is passed: goodhoster needs no right to it, and nothing can be put in its
        place meanwhile. Over TCP its bytes are sent. *unchecked* (`unreadable`) where it cannot be opened.
        """
        deadline = Deadline(self._timeout)
        try:
            # Without O_NONBLOCK a FIFO of that name would be waited for without end.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except (OSError, ValueError) as error:
            return Answer.unchecked("unreadable", f"the file cannot be opened: {error}")
        try:
            return self._check_descriptor(descriptor, upload, deadline)
        finally:
            os.close(descriptor)

    def check_digest(self, algorithm: str, digest: str, upload: Upload = NOTHING_KNOWN) -> Answer:
        """Ask about a content by its `md5`, `sha1` or `sha256` in hexadecimal.

        *clear* says less here than of the bytes: no altered copy and no member of an archive is found by it.
        """
        return self._ask(calls.check_digest(algorithm, digest, upload))

    def report_outcome(self, reference: str | None, outcome: str) -> OutcomeReport:
        """Report what was done about it: `refused`, `deleted` or `kept`.

        It is recorded on the case.
        """
        if not reference:
            return OutcomeReport.unchecked("no-reference", "the answer had no case: there is nothing to report")
        return self._ask(calls.report_outcome(reference, outcome))

    def may(self, customer: str, action: str = "upload") -> Permission:
        """Ask whether the hoster's house rules allow a customer to do that."""
        return self._ask(calls.may(customer, action))

    def health(self) -> Health:
        """Ask whether the service can check now."""
        return self._ask(calls.health())

    def _check_descriptor(self, descriptor: int, upload: Upload, deadline: Deadline) -> Answer:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            return Answer.unchecked("unreadable", "it is not a regular file")
        if self._address.path:
            return self._send(calls.check_path(None, upload), deadline, descriptor=descriptor)
        call = calls.check_bytes(None, upload)
        request = Request(self._head(call, status.st_size), _chunks(descriptor, status.st_size))
        return self._exchange(call, request, deadline)

    def _ask(self, call: Call[T]) -> T:
        return self._send(call, Deadline(self._timeout))

    def _send(self, call: Call[T], deadline: Deadline, descriptor: int | None = None) -> T:
        body = call.body
        request = Request(
            self._head(call, None if body is None else len(body)), () if body is None else (body,), descriptor
        )
        return self._exchange(call, request, deadline)

    def _exchange(self, call: Call[T], request: Request, deadline: Deadline) -> T:
        try:
            response = exchange(self._address, request, deadline)
        except AnswerError as error:
            return call.unchecked(error.reason, error.detail)
        return call.answer(response.status, response.body)

    def _head(self, call: Call[Any], length: int | None) -> bytes:
        return head(call.method, call.target, calls.headers(call, self._token, length))


def check_bytes(content: bytes, upload: Upload = NOTHING_KNOWN) -> Answer:
    """`Client.check_bytes` of the client that the environment describes."""
    return Client.from_environment().check_bytes(content, upload)


def check_path(path: str | bytes | os.PathLike[str], upload: Upload = NOTHING_KNOWN) -> Answer:
    """`Client.check_path` of the client that the environment describes."""
    return Client.from_environment().check_path(path, upload)


def check_digest(algorithm: str, digest: str, upload: Upload = NOTHING_KNOWN) -> Answer:
    """`Client.check_digest` of the client that the environment describes."""
    return Client.from_environment().check_digest(algorithm, digest, upload)


def report_outcome(reference: str | None, outcome: str) -> OutcomeReport:
    """`Client.report_outcome` of the client that the environment describes."""
    return Client.from_environment().report_outcome(reference, outcome)


def may(customer: str, action: str = "upload") -> Permission:
    """`Client.may` of the client that the environment describes."""
    return Client.from_environment().may(customer, action)


def health() -> Health:
    """`Client.health` of the client that the environment describes."""
    return Client.from_environment().health()


def checked_token(token: str) -> str:
    """The token; ValueError where it would end its header."""
    if not (token.isascii() and (token.isprintable() or not token)):
        raise ValueError("a token of goodhoster has letters, digits, - and _ only")
    return token


def _chunks(descriptor: int, size: int) -> Iterator[bytes]:
    """The file as it is now, and never more than was announced.

    One that shrinks ends the request early.
    """
    offset = 0
    while offset < size and (chunk := os.pread(descriptor, min(_AT_A_TIME, size - offset), offset)):
        offset += len(chunk)
        yield chunk
