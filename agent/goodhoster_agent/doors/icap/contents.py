"""The contents that the body of an HTTP message would store: each file of a form by itself.

Programs read forms in different ways: PHP takes line ends and boundaries where others see none, and goes on after the
last one. So a body is split here only where it can be read in one way; every other one is *unchecked*, or somebody
would hide a picture from us that the application finds.
"""

from __future__ import annotations

import mmap
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from goodhoster.errors import UncheckedError
from goodhoster_agent.doors.icap.messages import AmbiguousError, Fields, HttpMessage
from goodhoster_agent.doors.streams import StreamContent

_BLOCK = 1 << 20
_IN_MEMORY = 1 << 16
_MOST_PARTS = 1000
_LONGEST_PART_HEADER = 16 << 10
_LONGEST_END = 64
"""Bytes of line ends after the last boundary."""
_MULTIPART = re.compile(
    r"""multipart/[a-z-]+ \s* (?: ; \s* (?!boundary)[a-z0-9-]+ = (?: [^\s;,"=]+ | "[^"\\]*" ) \s* )*
        ; \s* boundary = (?: ([A-Za-z0-9'_.+-]{1,70}) | "([A-Za-z0-9'()+_,./:=?-]{1,70})" ) \s*
        (?: ; \s* (?!boundary)[a-z0-9-]+ = (?: [^\s;,"=]+ | "[^"\\]*" ) \s* )*""",
    re.IGNORECASE | re.VERBOSE,
)
_FILE_NAME = re.compile(r'filename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_PART_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([^\r\n\0]*)")
_AS_IT_IS = {"", "7bit", "8bit", "binary"}
"""Content-Transfer-Encoding of a part that everybody reads the same."""


@dataclass(frozen=True, slots=True)
class FoundContent:
    """One content that would be stored."""

    content: bytes | int
    """The bytes, or the descriptor of a file, for as long as the next one is not asked for."""
    name: str = ""
    """As the form says it."""


def contents_of(message: HttpMessage, body: StreamContent, longest: int) -> Iterator[FoundContent]:
    """Every content of a body, one after the other.

    UncheckedError where programs may read it in different ways, or it is over a limit; what was yielded before counts
    all the same. OSError where the disk has no room.
    """
    try:
        fields = message.fields
        if fields.the_only("transfer-encoding").strip().lower() not in {"", "identity", "chunked"}:
            raise AmbiguousError("its Transfer-Encoding packs it, which not every program undoes")
        fields.the_only("content-length")
        yield from _of_query(message.query)
        coding = fields.the_only("content-encoding").strip().lower()
        kind = fields.the_only("content-type").strip()
        with ExitStack() as stack:
            whole = body.content
            if coding in {"", "identity"}:
                yield from _of_body(whole, kind)
                return
            # Both readings count: not every application unpacks what it is sent.
            yield FoundContent(whole)
            if _FORM in kind.lower():
                yield from _values(stack.enter_context(_mapped(whole)))
            unpacked, complete = stack.enter_context(_unpacked(whole, coding, longest))
            if not complete:
                yield FoundContent(unpacked)
                raise AmbiguousError("something stands behind what is packed, which not every program reads")
            yield from _of_body(unpacked, kind)
            if _is_form_with_parts(kind) and b"--" + _boundary(kind) in stack.enter_context(_mapped(whole)):
                raise AmbiguousError("a boundary stands in what is packed, for programs that do not unpack it")
    except AmbiguousError as error:
        raise UncheckedError(f"programs may read it in different ways: {error}", reason="ambiguous") from error


def _of_body(whole: bytes | int, kind: str) -> Iterator[FoundContent]:
    """What a body holds that nobody has to unpack, by its Content-Type."""
    with _mapped(whole) as mapped:
        if _FORM in kind.lower():
            yield from _values(mapped)
        if _is_form_with_parts(kind):
            yield from _parts(mapped, _boundary(kind))
        else:
            yield FoundContent(whole)


# Content-Encoding


@contextmanager
def _unpacked(content: bytes | int, coding: str, longest: int) -> Iterator[tuple[bytes | int, bool]]:
    """What was packed, and whether nothing stands behind it.

    Of several streams in a row some programs read the first one alone, others all (RFC 1952, 2.2).
    """
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise UncheckedError(f"its coding is not known here: {coding}", reason="coding")
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        unpacking = _Unpacking(longest)
        for piece in unpacking.pieces(content):
            file.write(piece)
        size = file.tell()
        if size > _IN_MEMORY:
            file.flush()
            yield file.fileno(), unpacking.complete
        else:
            file.seek(0)
            yield file.read(), unpacking.complete


class _Unpacking:
    """Unpacks the first stream of a content."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self.complete = False
        """Whether nothing stands behind it; known at the end."""

    def pieces(self, content: bytes | int) -> Iterator[bytes]:
        """What was packed. UncheckedError where it cannot be unpacked, is cut off or too large."""
        left, unpacker = self._longest, zlib.decompressobj(wbits=_FORMAT_BY_HEADER)
        try:
            for packed in _blocks(content):
                if unpacker.eof:
                    self.complete = False
                    return
                pending = packed
                while pending and not unpacker.eof:
                    piece = unpacker.decompress(pending, _BLOCK)
                    pending = unpacker.unconsumed_tail
                    left -= len(piece)
                    if left < 0:
                        raise UncheckedError(f"it unpacks to more than {self._longest} bytes", reason="too-big")
                    yield piece
                self.complete = not unpacker.unused_data
        except zlib.error as error:
            raise UncheckedError("it cannot be unpacked", reason="coding") from error
        if not unpacker.eof:
            raise UncheckedError("it is cut off", reason="coding")


_FORMAT_BY_HEADER = 32 + zlib.MAX_WBITS
"""gzip, or zlib's, which "deflate" means (RFC 9110, 8.4.1.2)."""


def _blocks(content: bytes | int) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    position = 0
    while block := os.pread(content, _BLOCK, position):
        position += len(block)
        yield block


# Forms

_FORM = "x-www-form-urlencoded"
_AMPERSAND = re.compile(b"&")
_AMPERSAND_OR_SEMICOLON = re.compile(b"[&;]")
_TEXT_ONLY = bytes(range(9, 14)) + bytes(range(32, 127))


def _of_query(query: bytes) -> Iterator[FoundContent]:
    if query:
        yield from _values(query)


def _values(form: bytes | mmap.mmap) -> Iterator[FoundContent]:
    """The values of an encoded form that are more than text: no picture is text.

    A semicolon separates for some programs (CGI.pm of Perl), not for others; some take a plus for a blank.
    """
    yield from _values_between(form, _AMPERSAND)
    if form.find(b";") >= 0:
        yield from _values_between(form, _AMPERSAND_OR_SEMICOLON)


def _values_between(form: bytes | mmap.mmap, separator: re.Pattern[bytes]) -> Iterator[FoundContent]:
    start = 0
    for number in range(_MOST_PARTS + 1):
        found = separator.search(form, start)
        end = found.start() if found else len(form)
        name, _, value = form[start:end].partition(b"=")
        for each in (name, value):
            for written in dict.fromkeys((each.replace(b"+", b" "), each)):
                decoded = unquote_to_bytes(written)
                if decoded.strip(_TEXT_ONLY):
                    yield FoundContent(decoded)
        if found is None:
            return
        if number == _MOST_PARTS:
            raise UncheckedError(f"it has more than {_MOST_PARTS} values", reason="too-many")
        start = end + 1


def _is_form_with_parts(kind: str) -> bool:
    """Whether some program would look for parts: a few do so wherever a boundary is told."""
    return "multipart" in kind.lower() or "boundary" in kind.lower()


def _boundary(kind: str) -> bytes:
    found = _MULTIPART.fullmatch(kind)
    if not found:
        raise AmbiguousError("its Content-Type does not tell one boundary")
    return (found[1] or found[2]).encode()


@contextmanager
def _mapped(content: bytes | int) -> Iterator[bytes | mmap.mmap]:
    if isinstance(content, bytes):
        yield content
        return
    with mmap.mmap(content, 0, access=mmap.ACCESS_READ) as mapped:
        yield mapped


def _parts(body: bytes | mmap.mmap, boundary: bytes) -> Iterator[FoundContent]:
    """The parts between the boundaries, which stand on lines of their own and nowhere else."""
    borders = _borders(body, b"--" + boundary)
    for start, end in borders:
        fields, begin = _part_head(body, start, end)
        if fields.get("content-transfer-encoding").lower() not in _AS_IT_IS:
            raise AmbiguousError("a part has a Content-Transfer-Encoding, which not every program undoes")
        if fields.get("content-encoding").lower() not in {"", "identity"}:
            raise AmbiguousError("a part is packed, which not every program undoes")
        if fields.get("content-length") not in {"", str(end - begin)}:
            raise AmbiguousError("a part states another length than it has")
        if fields.get("content-type").lower().startswith(("multipart/", "message/")):
            raise AmbiguousError("a part has parts")
        if begin == end:
            continue
        named = _FILE_NAME.search(fields.get("content-disposition"))
        with _piece(body, begin, end) as content:
            yield FoundContent(content, named[1] if named else "")


def _borders(body: bytes | mmap.mmap, line: bytes) -> list[tuple[int, int]]:
    """Where each part starts and ends, without the line end that belongs to the boundary."""
    start = -1
    parts: list[tuple[int, int]] = []
    for found in re.finditer(re.escape(line), body):
        at, after = found.span()
        if at and body[max(0, at - 2) : at] != b"\r\n":
            raise AmbiguousError("a boundary stands within a line")
        if start < 0 and at > len(b"\r\n"):
            raise AmbiguousError("something stands before the first part")
        if start > at - 2 >= 0:
            raise AmbiguousError("a part has no head")
        if start >= 0:
            parts.append((start, at - 2))
        if len(parts) > _MOST_PARTS:
            raise UncheckedError(f"it has more than {_MOST_PARTS} parts", reason="too-many")
        following = body[after : after + 2]
        if following == b"--":
            if body[after + 2 : after + 2 + _LONGEST_END].strip() or len(body) > after + 2 + _LONGEST_END:
                raise AmbiguousError("something stands after the last part")
            return parts
        if following != b"\r\n":
            raise AmbiguousError("a boundary goes on")
        start = after + 2
    raise AmbiguousError("its last boundary is missing")


def _part_head(body: bytes | mmap.mmap, start: int, end: int) -> tuple[Fields, int]:
    """The fields of a part, and where its content begins."""
    blank = body.find(b"\r\n\r\n", start, min(end, start + _LONGEST_PART_HEADER))
    if blank < 0:
        raise AmbiguousError("a part has no head")
    lines = [_PART_LINE.fullmatch(line) for line in body[start:blank].split(b"\r\n")]
    fields = tuple(
        (each[1].decode().lower(), each[2].strip().decode("utf-8", "surrogateescape")) for each in lines if each
    )
    if len(fields) != len(lines) or len({name for name, _ in fields}) != len(fields):
        raise AmbiguousError("the head of a part can be read in several ways")
    return Fields(fields), blank + 4


@contextmanager
def _piece(body: bytes | mmap.mmap, start: int, end: int) -> Iterator[bytes | int]:
    """A part's content, as a file by itself where it is large."""
    if end - start <= _IN_MEMORY:
        yield body[start:end]
        return
    with tempfile.TemporaryFile(buffering=0) as file:
        for at in range(start, end, _BLOCK):
            left = memoryview(body[at : min(end, at + _BLOCK)])
            while left:
                left = left[file.write(left) or 0 :]
        yield file.fileno()
