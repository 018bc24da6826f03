"""Answers of an HTTP server, right and wrong, as the bytes that go over the socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from http import HTTPStatus


class Ending(Enum):
    """The state of the connection after the bytes are sent."""

    KEEP = auto()
    CLOSE = auto()
    RESET = auto()
    """Ended with a TCP reset."""
    HANG = auto()
    """Left open without another byte."""


@dataclass(frozen=True, slots=True)
class CannedResponse:
    """The bytes that are sent in answer to one request."""

    raw: bytes
    ending: Ending = Ending.KEEP
    delay: float = 0.0
    """Seconds before the first byte."""
    drip_from: int | None = None
    """From this byte on, one byte at a time."""
    drip_pause: float = 1.0
    """Seconds between dripped bytes."""

    def dripping(self, *, from_body: bool) -> CannedResponse:
        """This answer, a byte a second, from the first byte or from the first of the body."""
        return replace(self, drip_from=self.raw.index(b"\r\n\r\n") + 4 if from_body else 0)

    def after(self, seconds: float) -> CannedResponse:
        """This answer, later."""
        return replace(self, delay=seconds)


def reply(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> CannedResponse:
    """A complete and well-formed response."""
    fields = {"Content-Type": "text/plain", "Content-Length": str(len(body)), **(headers or {})}
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    return CannedResponse("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


YES = reply(200, b"true")
NO = reply(200, b"false")
HANGS = CannedResponse(b"", Ending.HANG)
RESETS = CannedResponse(b"", Ending.RESET)
TRUNCATED = CannedResponse(reply(200, b"", {"Content-Length": "5"}).raw + b"true", Ending.CLOSE)
"""Says five bytes, sends four, and these look like an answer."""
OVERSIZED = reply(200, b"true" * 500_000)

_HTML = b"<!DOCTYPE html><title>Maintenance</title><p>true or false, we will be back soon"

ODD: Mapping[str, CannedResponse] = {
    "capitalised true": reply(200, b"True"),
    "upper-case false": reply(200, b"FALSE"),
    "false and a newline": reply(200, b"false\n"),
    "true and a newline": reply(200, b"true\r\n"),
    "false after a space": reply(200, b" false"),
    "false after a byte order mark": reply(200, b"\xef\xbb\xbffalse"),
    "quoted false": reply(200, b'"false"'),
    "a digit": reply(200, b"0"),
    "empty": reply(200),
    "HTML with status 200": reply(200, _HTML, {"Content-Type": "text/html"}),
    "JSON with status 200": reply(200, b'{"match":false}', {"Content-Type": "application/json"}),
    "false with status 201": reply(201, b"false"),
    "no content": CannedResponse(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "false in part": reply(206, b"false", {"Content-Range": "bytes 0-4/40"}),
    "compressed false": reply(200, b"\x1f\x8b\x08\x00false", {"Content-Encoding": "gzip"}),
    "false said to be compressed": reply(200, b"false", {"Content-Encoding": "gzip"}),
    "redirect": reply(302, b"false", {"Location": "/v1/check/elsewhere"}),
    "permanent redirect": reply(308, b"", {"Location": "/v1/check/elsewhere"}),
    "bad request": reply(400, b"false"),
    "not found": reply(404, b"false"),
    "rate limited, in seconds": reply(429, b"false", {"Retry-After": "7"}),
    "rate limited, with a date": reply(429, b"false", {"Retry-After": "Fri, 31 Dec 2099 23:59:59 GMT"}),
    "server error": reply(500, b"false"),
    "bad gateway": reply(502, _HTML, {"Content-Type": "text/html"}),
    "unavailable": reply(503, b"false", {"Retry-After": "7"}),
    "reset": RESETS,
    "closed without a byte": CannedResponse(b"", Ending.CLOSE),
    "reset within the body": CannedResponse(TRUNCATED.raw, Ending.RESET),
    "truncated": TRUNCATED,
    "oversized": OVERSIZED,
    "no HTTP": CannedResponse(b"false\r\n\r\n", Ending.CLOSE),
    "hang": HANGS,
    "hang within the body": CannedResponse(TRUNCATED.raw, Ending.HANG),
    "drip of the headers": NO.dripping(from_body=False),
    "drip of the body": NO.dripping(from_body=True),
}
"""None of these is an answer of the HashCheckService: each leaves a file *unchecked*, not clear or known."""

REFUSALS: Mapping[str, CannedResponse] = {
    "wrong account": reply(401, b"false", {"WWW-Authenticate": 'Basic realm="check"'}),
    "forbidden": reply(403, b"false"),
}
"""A person must act: these raise the alarm."""
