"""Members of ar files (static libraries, .deb) and of cpio files, read once from the start.

Each member is given whatever its kind; what a name stands for does not matter here. A broken header ends the archive
with ValueError: nothing can be told of what is behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from goodhoster.checking.member_reading import Member, Readable, Rejoined, read_whole

AR = (b"!<arch>\n", b"!<bout>\n")
"""How an ar file begins; a thin one (`!<thin>`) holds no content."""

_AR_HEADER = re.compile(rb"(.{16})[ 0-9-]{12}[ 0-9-]{6}[ 0-9-]{6}[ 0-9]{8}([0-9]{1,10}) *`\n", re.DOTALL)
_BSD_NAME = re.compile(rb"#1/([0-9]{1,5}) *")
_LONG_NAME = re.compile(rb"/([0-9]{1,15}) *")
_LONGEST_NAME = 1 << 16
_LONGEST_PATH = 4096
_MOST_NAMES = 1 << 22
"""Bytes of the table of long names that are kept."""

_END = b"TRAILER!!!"
_OLD = b"070707"
_LENGTHS = {b"070701": 110, b"070702": 110, _OLD: 76}
"""Bytes of a header of cpio's forms in text, by their magic; the numbers of the last are octal."""
_BINARY_LENGTH = 26
_HEX, _OCTAL = re.compile(rb"[0-9A-Fa-f ]{104}"), re.compile(rb"[0-7 ]{70}")
_BINARY = (b"\xc7\x71", b"\x71\xc7")
_KINDS = frozenset({0o01, 0o02, 0o04, 0o06, 0o10, 0o11, 0o12, 0o14})
"""Types of files in a mode (stat(2)), shifted by 12 bits."""
_BLOCK = 1 << 16


@dataclass(slots=True)
class _Data:
    """The data of one member; what its reader leaves is passed over."""

    file: Readable
    left: int
    padding: int

    def read(self, size: int, /) -> bytes:
        """As a file does; EOFError where the archive ends before."""
        if not self.left:
            return b""
        block = self.file.read(min(size, self.left))
        if not block:
            raise EOFError("it ends within a member")
        self.left -= len(block)
        return block

    def end(self) -> None:
        """Go on behind it."""
        while self.read(_BLOCK):
            pass
        read_whole(self.file, self.padding)


def ar_members(file: Readable) -> Iterator[Member]:
    """The members of an ar file, as GNU and BSD write them."""
    read_whole(file, len(AR[0]))
    names = b""
    while header := read_whole(file, 60):
        found = _AR_HEADER.fullmatch(header)
        if found is None:
            raise ValueError("there is something in it that is no member")
        size = int(found[2])
        data = _Data(file, size, size % 2)
        name = found[1].rstrip()
        if name == b"//":
            names = read_whole(data, min(size, _MOST_NAMES))
        elif (long := _BSD_NAME.fullmatch(name)) is not None:
            yield Member(read_whole(data, min(int(long[1]), _LONGEST_NAME)).rstrip(b"\0"), data)
        elif (at := _LONG_NAME.fullmatch(name)) is not None:
            yield Member(names[int(at[1]) :].partition(b"\n")[0].rstrip(b"/"), data)
        else:
            yield Member(name.rstrip(b"/"), data)
        data.end()


class _Header(NamedTuple):
    """What a header of cpio says, and the padding behind name and data."""

    name: int
    size: int
    name_padding: int
    padding: int


def begins_as_cpio(beginning: bytes) -> bool:
    """Whether a file begins with a header of cpio and a name that fits to it.

    The magic of the binary form is two bytes: other files begin so, too.
    """
    if beginning[:6] in _LENGTHS:
        return True
    if beginning[:2] not in _BINARY or len(beginning) < _BINARY_LENGTH:
        return False
    header, kind = _binary(beginning[:_BINARY_LENGTH]), _short(beginning, 6) >> 12
    name = beginning[_BINARY_LENGTH : _BINARY_LENGTH + header.name]
    ends = name.find(b"\0") == (header.name - 1 if len(name) == header.name else -1)
    return kind in _KINDS and 1 < header.name <= _LONGEST_PATH and ends


def cpio_members(file: Readable) -> Iterator[Member]:
    """The members of a cpio file, of those one behind the other, and what follows the last."""
    while (header := _next_header(file)) is not None:
        name = read_whole(file, header.name).rstrip(b"\0")
        read_whole(file, header.name_padding)
        data = _Data(file, header.size, header.padding)
        if name != _END:
            yield Member(name, data)
        data.end()
        if name == _END:
            first = _first_behind_zeros(file)
            if not (first and begins_as_cpio(first)):
                if first:
                    yield Member(b"", Rejoined(first, file))
                return
            file = Rejoined(first, file)
    raise EOFError("it ends without its last entry")


def _first_behind_zeros(file: Readable) -> bytes:
    """The first bytes that are not zero, enough of them to tell what they begin."""
    while block := file.read(_BLOCK):
        if first := block.lstrip(b"\0"):
            return first + read_whole(file, _BLOCK - len(first))
    return b""


def _next_header(file: Readable) -> _Header | None:
    magic = read_whole(file, 6)
    if length := _LENGTHS.get(magic):
        return _ascii(magic, read_whole(file, length - len(magic)))
    if magic[:2] in _BINARY:
        return _binary(magic + read_whole(file, _BINARY_LENGTH - len(magic)))
    if magic:
        raise ValueError("there is something in it that is no member")
    return None


def _ascii(magic: bytes, numbers: bytes) -> _Header:
    octal = magic == _OLD
    if not (_OCTAL if octal else _HEX).fullmatch(numbers):
        raise ValueError("there is something in it that is no member")
    if octal:
        return _checked(_Header(int(numbers[53:59], 8), int(numbers[59:70], 8), 0, 0))
    name, size = int(numbers[88:96], 16), int(numbers[48:56], 16)
    return _checked(_Header(name, size, -(110 + name) % 4, -size % 4))


def _binary(header: bytes) -> _Header:
    if len(header) < _BINARY_LENGTH:
        raise EOFError("it ends within a member")
    name = _short(header, 20)
    size = _short(header, 22) << 16 | _short(header, 24)
    return _Header(name, size, name % 2, size % 2)


def _short(header: bytes, at: int) -> int:
    little = header[:2] == b"\xc7\x71"
    return int.from_bytes(header[at : at + 2], "little" if little else "big")


def _checked(header: _Header) -> _Header:
    if not 0 < header.name <= _LONGEST_NAME:
        raise ValueError("a name in it is none")
    return header
