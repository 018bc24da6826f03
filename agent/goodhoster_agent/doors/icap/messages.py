"""ICAP messages (RFC 3507), the HTTP messages inside them, and the headers of responses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from urllib.parse import urlsplit

LONGEST_LINE = 16 << 10
"""Bytes of one line of an ICAP header."""
MOST_LINES = 100
LONGEST_HTTP_HEADERS = 128 << 10
"""Bytes of the HTTP headers of one ICAP message, those of request and response together."""
_MOST_DIGITS = 19
_SCRIPTS = {"application/javascript", "application/x-javascript", "application/ecmascript", "application/json"}
_SHORTEST_VALUE = 32
"""Bytes; no picture is shorter."""
METHODS = ("OPTIONS", "REQMOD", "RESPMOD")
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (\S{1,2048}) ICAP/1\.[0-9]\r?\n")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?\n")
_ENCAPSULATED = re.compile(r"(req-hdr|res-hdr|req-body|res-body|opt-body|null-body)=([0-9]{1,9})")
_ALLOWED_LISTS = {
    "REQMOD": re.compile(r"(req-hdr )?(req-body|null-body)"),
    "RESPMOD": re.compile(r"(req-hdr )?(res-hdr )?(res-body|null-body)"),
    "OPTIONS": re.compile(r"opt-body|null-body"),
}
"""What may be encapsulated, in the order of RFC 3507, 4.4.1."""


class IcapError(Exception):
    """A message cannot be understood: it is answered with a status, and the connection ends."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status} {words}")
        self.status = status
        self.words = words


class AmbiguousError(Exception):
    """Programs read an HTTP message in different ways.

    Nobody can tell what the application would store.
    """


@dataclass(frozen=True, slots=True)
class Fields:
    """Header fields in their order; names in lower case."""

    pairs: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> tuple[str, ...]:
        """The values of every field of that name."""
        return tuple(value for found, value in self.pairs if found == name)

    def get(self, name: str) -> str:
        """The value of the first field of that name; empty where there is none."""
        return next(iter(self.all(name)), "")

    def the_only(self, name: str) -> str:
        """The value of the field of that name; empty where there is none.

        AmbiguousError where several differ.
        """
        values = set(self.all(name))
        if len(values) > 1:
            raise AmbiguousError(f"it has {len(values)} fields {name}")
        return next(iter(values), "")


@dataclass(frozen=True, slots=True)
class IcapRequest:
    """The request line and the header fields of an ICAP request."""

    method: str
    service: str
    """The path of the service, such as "reqmod"; without its query."""
    fields: Fields
    encapsulated: tuple[tuple[str, int], ...]
    """Names and offsets of what is encapsulated, the body last (RFC 3507, 4.4.1)."""

    @property
    def has_body(self) -> bool:
        """Whether a body in chunks follows."""
        return bool(self.encapsulated) and self.encapsulated[-1][0] != "null-body"

    @property
    def encapsulated_header_length(self) -> int:
        """Bytes of the HTTP headers that follow."""
        return self.encapsulated[-1][1] if self.encapsulated else 0

    @property
    def preview(self) -> int | None:
        """Bytes of the body before the client waits for an answer; None where it sends all of it."""
        value = self.fields.get("preview")
        if not value:
            return None
        if not value.isascii() or not value.isdigit():
            raise IcapError(400, "Bad request")
        return int(value)

    @property
    def allows_204(self) -> bool:
        """Whether the client keeps the message, and takes 204 for "as it is"."""
        return any(part.strip() == "204" for value in self.fields.all("allow") for part in value.split(","))


def parse_request(lines: Sequence[bytes]) -> IcapRequest:
    """Parse the header of a request, its lines without the empty one.

    IcapError where it is none.
    """
    first = _REQUEST_LINE.fullmatch(lines[0]) if lines else None
    if not first:
        raise IcapError(400, "Bad request")
    method = first[1].decode()
    if method not in METHODS:
        raise IcapError(405, "Method not allowed for service")
    fields = _fields(lines[1:])
    if fields is None:
        raise IcapError(400, "Bad request")
    path = re.sub(r"^icaps?://[^/?]*", "", first[2].decode("ascii", "replace"))
    return IcapRequest(method, path.partition("?")[0].strip("/"), fields, _parse_encapsulated(method, fields))


def _parse_encapsulated(method: str, fields: Fields) -> tuple[tuple[str, int], ...]:
    values = fields.all("encapsulated")
    if not values and method == "OPTIONS":
        return ()
    found = [_ENCAPSULATED.fullmatch(part.strip()) for part in values[0].split(",")] if len(values) == 1 else [None]
    encapsulated = tuple((part[1], int(part[2])) for part in found if part)
    offsets = [offset for _, offset in encapsulated]
    if (
        None in found
        or not _ALLOWED_LISTS[method].fullmatch(" ".join(name for name, _ in encapsulated))
        or offsets[0] != 0
        or any(after <= before for before, after in pairwise(offsets))
    ):
        raise IcapError(400, "Bad composition")
    return encapsulated


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """The HTTP message that an ICAP request is about, without its body."""

    request: bytes = b""
    """The request's header as it came, with the empty line; empty where none came."""
    response: bytes = b""
    """The response's header likewise; empty where the message is the request itself."""

    @classmethod
    def of(cls, request: IcapRequest, raw: bytes) -> HttpMessage:
        """The message, cut out of the headers as they came."""
        offsets = [*request.encapsulated]
        pieces = {name: raw[start:end] for (name, start), (_, end) in pairwise(offsets)}
        return cls(pieces.get("req-hdr", b""), pieces.get("res-hdr", b""))

    @property
    def fields(self) -> Fields:
        """The fields of what has the body.

        AmbiguousError where programs read them in different ways.
        """
        return _http_fields(self.response or self.request)

    @property
    def stated_length(self) -> int:
        """Length of the body as its header says it; -1 where it says none, or two."""
        try:
            stated = self.fields.the_only("content-length").strip()
        except AmbiguousError:
            return -1
        return int(stated) if stated.isascii() and stated.isdigit() and len(stated) <= _MOST_DIGITS else -1

    @property
    def is_partial(self) -> bool:
        """Whether the body is a part of a content.

        Parts of films and sounds, which browsers ask for, are not meant.
        """
        fields = self.fields
        if fields.get("content-type").lower().startswith(("video/", "audio/")):
            return False
        return bool(fields.all("content-range")) or self.response.split(b" ")[1:2] == [b"206"]

    @property
    def says_text(self) -> bool:
        """Whether its Content-Type says that it is text, or a script."""
        kind = self.fields.get("content-type").partition(";")[0].strip().lower()
        return kind.startswith("text/") or kind in _SCRIPTS

    @property
    def query(self) -> bytes:
        """What stands behind the question mark of the request's address."""
        target = self.request.split(b" ")[1:2]
        return target[0].partition(b"?")[2] if target else b""

    @property
    def has_values(self) -> bool:
        """Whether the address may hold a content by itself."""
        return len(self.query) > _SHORTEST_VALUE and b"%" in self.query

    @property
    def host(self) -> str:
        """The site that the request is for; empty where it does not say, or says two things."""
        target = self.request.split(b" ")[1:2]
        try:
            if target and (found := urlsplit(target[0].decode("latin-1"))).netloc:
                return found.hostname or ""
            return urlsplit("//" + _http_fields(self.request).the_only("host")).hostname or ""
        except (AmbiguousError, ValueError):
            return ""


def _http_fields(header: bytes) -> Fields:
    if not header:
        return Fields()
    lines = header.splitlines(keepends=True)
    if not header.endswith(b"\r\n\r\n") or b"\0" in header or any(line[-2:] != b"\r\n" for line in lines):
        raise AmbiguousError("its header is not made of lines")
    fields = _fields(lines[1:-1])
    if fields is None:
        raise AmbiguousError("its header has lines that are no fields")
    return fields


def _fields(lines: Sequence[bytes]) -> Fields | None:
    """The fields of a header's lines; None where a line is none.

    A continued line is none either (RFC 9112, 5.2).
    """
    found = [_FIELD.fullmatch(line) for line in lines]
    pairs = tuple((each[1].decode().lower(), each[2].decode("latin-1")) for each in found if each)
    return Fields(pairs) if len(pairs) == len(found) else None


# Responses


@dataclass(frozen=True, slots=True)
class BlockPage:
    """An HTTP response that takes the place of the message."""

    status: HTTPStatus
    text: str
    fields: tuple[str, ...] = ()

    @property
    def header(self) -> bytes:
        """The header with its empty line."""
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(self.body)}",
            "Cache-Control: no-store",
            *self.fields,
        ]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()

    @property
    def body(self) -> bytes:
        """The text in bytes."""
        return self.text.encode()


def response_header(status: int, words: str, tag: str, fields: Sequence[str] = ()) -> bytes:
    """The header of an ICAP response, with the empty line."""
    lines = [f"ICAP/1.0 {status} {words}", f'ISTag: "{tag}"', *fields, ""]
    return "".join(f"{line}\r\n" for line in lines).encode()


def chunk(data: bytes | memoryview) -> bytes:
    """A chunk of a body; that of no bytes ends it."""
    return b"%x\r\n" % len(data) + bytes(data) + b"\r\n"
