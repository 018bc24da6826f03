"""Members of a ZIP file: those in its directory, and those that only their own headers tell.

Most programs read the directory at the end, but what reads a stream (Java, bsdtar, repair tools) goes from header to
header. A member that the directory does not name, or names with other sizes, is unpacked by these all the same.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, BinaryIO, NamedTuple

from goodhoster.checking.member_reading import Inflated, Member, Readable
from goodhoster.errors import UncheckedError

_SIGNATURE = b"PK\3\4"
_SIGNATURES = (_SIGNATURE, b"PK\1\2", b"PK\7\x08")
_HEADER = struct.Struct("<4s2B4HL2L2H")
"""Signature, version, system, flags, method, time, date, checksum, sizes, lengths of name and extra (APPNOTE 4.3.7)."""
_ENCRYPTED, _DESCRIPTOR = 1 << 0 | 1 << 6 | 1 << 13, 1 << 3
_STORED, _DEFLATED = 0, 8
_METHODS = frozenset({*range(7), 8, 9, 10, 12, 14, 16, *range(18, 21), *range(93, 100)})
_HIGHEST_VERSION = 63
_ZIP64, _IN_ZIP64 = 1, 0xFFFFFFFF
_NAME = re.compile(rb"[^\0-\x1f]+")
_BLOCK = 1 << 16
_RAW = -zlib.MAX_WBITS
"""Compressed data without a header, as ZIP files have them."""
_READ_BYTES = 1 << 20
_MOST_UNLISTED = 10_000
_MOST_INFLATED = 1 << 30
"""Bytes that are unpacked to learn where one member ends."""


def zip_members(file: BinaryIO) -> Iterator[Member]:
    """The members of a ZIP file; of a broken one those that can be read, before an error."""
    problem, named = None, dict[int, zipfile.ZipInfo]()
    try:
        archive = zipfile.ZipFile(file)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a reader may raise anything over an outsider's bytes
        problem = error
    else:
        named = {entry.header_offset: entry for entry in archive.infolist()}
        for member in _listed_members(archive, archive.infolist()):
            yield member
            if isinstance(member.file, _Listed) and member.file.failed:
                named.pop(member.file.entry.header_offset, None)
    yield from _unlisted_members(file, named)
    if problem:
        raise problem


def named_zip_members(file: BinaryIO) -> Iterator[Member]:
    """Those alone that the directory of a ZIP file names, as ordinary programs unpack them."""
    archive = zipfile.ZipFile(file)
    yield from _listed_members(archive, archive.infolist())


def _listed_members(archive: zipfile.ZipFile, listed: Sequence[zipfile.ZipInfo]) -> Iterator[Member]:
    """The members that the directory of a ZIP file names."""
    for entry in listed:
        name = entry.filename.encode("utf-8", "surrogateescape")
        has_data = entry.file_size or entry.compress_size
        if entry.filename.endswith("/") and not has_data:  # not is_dir(), which fails without a name
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            yield Member(name, None)
            continue
        # Opened when it is read: what is wrong with one member must not end this loop.
        yield Member(name, _Listed(archive, entry))


@dataclass(slots=True)
class _Listed:
    """A member that the directory names."""

    archive: zipfile.ZipFile
    entry: zipfile.ZipInfo
    failed: bool = False
    """The directory and what is there do not fit together: its own header tells more."""
    _opened: Readable | None = None

    def read(self, size: int, /) -> bytes:
        """As a file does."""
        try:
            self._opened = self._opened or self._open()
            return self._opened.read(size)
        except BaseException:
            self.failed = True
            raise

    def _open(self) -> Readable:
        """Open what `zipfile` finds nothing wrong with.

        It believes the directory that compressed data end where that says; they tell themselves.
        """
        opened, entry = self.archive.open(self.entry), self.entry
        file = self.archive.fp
        header = _header_at(file, entry.header_offset) if file and entry.compress_type == _DEFLATED else None
        if file is None or header is None:
            return opened
        return _Verified(Inflated(_Data(file, header.data, file.seek(0, 2)), _RAW), entry)


class _Header(NamedTuple):
    """A header in front of a member's data."""

    name: bytes
    version: int
    flags: int
    method: int
    checksum: int
    packed: int
    """Bytes of its data; not known where a descriptor behind the data tells."""
    unpacked: int
    data: int
    """Where the data begin."""

    @property
    def is_plausible(self) -> bool:
        """Whether it is one, and not the same four bytes in something else."""
        return self.version <= _HIGHEST_VERSION and self.method in _METHODS and bool(_NAME.fullmatch(self.name))

    @property
    def tells_sizes(self) -> bool:
        """Whether it tells how long the data are."""
        return not self.flags & _DESCRIPTOR

    def is_as(self, entry: zipfile.ZipInfo) -> bool:
        """Whether it tells the same as the directory does."""
        if not self.tells_sizes:
            return self.method == entry.compress_type and bool(entry.compress_size)
        told = entry.compress_type, entry.CRC, entry.compress_size, entry.file_size
        return (self.method, self.checksum, self.packed, self.unpacked) == told


def _unlisted_members(file: BinaryIO, named: Mapping[int, zipfile.ZipInfo]) -> Iterator[Member]:
    """The members whose own header the directory does not name, or describes otherwise.

    `named` is what the directory says, by the place of the header. Passed over are the data of members that are stored
    as they are: they were looked at as what they are.
    """
    size = file.seek(0, 2)
    search, at, left, before = _Search(file), 0, _MOST_UNLISTED, _NamedData(file)
    while (at := search.find(at)) >= 0:
        header, entry = _header_at(file, at), named.get(at)
        if header and entry and header.is_as(entry):
            before = _NamedData(file, header, entry)
            at = before.end if before.is_stored else header.data
            continue
        if header and header.is_plausible and header.data <= size and not _is_empty(file, header):
            if before.holds(at):
                at = before.end
                continue
            left -= 1
            if left < 0:
                raise UncheckedError("too many members that the directory does not name", reason="too-many-members")
            yield Member(header.name, _Unlisted(file, header, size))
        at += len(_SIGNATURE)


class _NamedData:
    """The data of a member that the directory names, in which a header may stand.

    What does not get smaller is put into compressed data as it is: an archive can be read in there. Where
    such data end they tell themselves, whatever the directory says.
    """

    def __init__(self, file: BinaryIO, header: _Header | None = None, entry: zipfile.ZipInfo | None = None) -> None:
        self._file = file
        self._header = header
        self.end = header.data + entry.compress_size if header and entry else 0
        """As the directory says, until a place in them is asked for."""
        self.is_stored = header is not None and header.tells_sizes and header.method == _STORED
        self._is_sure = header is None or header.method != _DEFLATED

    def holds(self, at: int) -> bool:
        """Whether that place is in them."""
        if at < self.end and not self._is_sure and self._header:
            self.end, self._is_sure = self._end_of(self._header), True
        return at < self.end

    def _end_of(self, header: _Header) -> int:
        """Where compressed data end; where they are broken, where that begins to be seen."""
        inflated = Inflated(_Data(self._file, header.data, self.end), _RAW)
        left = _MOST_INFLATED
        with suppress(EOFError, zlib.error):
            while block := inflated.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise UncheckedError("what is inside is too large", reason="too-big")
        return header.data + inflated.consumed


def _is_empty(file: BinaryIO, header: _Header) -> bool:
    """Whether no data follow a header, which is usual for directories."""
    if header.tells_sizes:
        return not header.packed
    file.seek(header.data)
    return file.read(len(_SIGNATURE)) in _SIGNATURES  # with none of these do compressed data begin


class _Search:
    """Search for headers from the start of a file to its end, in little memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._block = b""
        self._start = 0
        """Where the block begins."""

    def find(self, at: int) -> int:
        """Where the next one begins, from there on; -1 at the end.

        To be asked for ever later places.
        """
        while True:
            if (found := self._block.find(_SIGNATURE, max(0, at - self._start))) >= 0:
                return self._start + found
            # What begins in the last bytes may go on behind them.
            self._start = max(at, self._start + len(self._block) - len(_SIGNATURE) + 1)
            self._file.seek(self._start)
            self._block = self._file.read(_READ_BYTES)
            if len(self._block) < len(_SIGNATURE):
                return -1


def _header_at(file: IO[bytes], at: int) -> _Header | None:
    """The header there; None where there is none."""
    file.seek(at)
    fixed = file.read(_HEADER.size)
    if len(fixed) < _HEADER.size or not fixed.startswith(_SIGNATURE):
        return None
    _, version, _, flags, method, _, _, checksum, packed, unpacked, length, more = _HEADER.unpack(fixed)
    name, extra = file.read(length), file.read(more)
    if _IN_ZIP64 in {packed, unpacked}:
        packed, unpacked = _sizes_in(extra, packed, unpacked)
    data = at + _HEADER.size + length + more
    return _Header(name, version, flags, method, checksum, packed, unpacked, data)


def _sizes_in(extra: bytes, packed: int, unpacked: int) -> tuple[int, int]:
    """The sizes of a member that may be larger than 4 GB (APPNOTE 4.5.3)."""
    while len(extra) >= 4:  # noqa: PLR2004 - kind and length
        kind, length = struct.unpack_from("<2H", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _ZIP64 and len(field) >= 16:  # noqa: PLR2004 - both sizes, which a header must have
            unpacked, packed = struct.unpack_from("<2Q", field)
    return packed, unpacked


@dataclass(slots=True)
class _Unlisted:
    """A member by its own header."""

    file: BinaryIO
    header: _Header
    size: int
    """Of the whole archive."""
    _opened: Readable | None = None

    def read(self, size: int, /) -> bytes:
        """As a file does; an UncheckedError where it cannot be read."""
        self._opened = self._opened or self._open()
        return self._opened.read(size)

    def _open(self) -> Readable:
        header, end = self.header, self.header.data + self.header.packed
        if header.flags & _ENCRYPTED:
            raise UncheckedError("a member that the directory does not name is encrypted", reason="encrypted")
        if header.method == _DEFLATED:
            return Inflated(_Data(self.file, header.data, self.size), _RAW)
        if header.method == _STORED and header.tells_sizes and end <= self.size:
            return _Data(self.file, header.data, end)
        message = "the archive is broken: a member that its directory does not name, or names otherwise, cannot be read"
        raise UncheckedError(message, reason="broken-archive")


@dataclass(slots=True)
class _Data:
    """A part of a file that others read, too."""

    file: IO[bytes]
    at: int
    end: int

    def read(self, size: int, /) -> bytes:
        self.file.seek(self.at)
        block = self.file.read(min(size, self.end - self.at))
        self.at += len(block)
        return block


@dataclass(slots=True)
class _Verified:
    """A member of which the directory tells the checksum and the size."""

    file: Readable
    entry: zipfile.ZipInfo
    _checksum: int = 0
    _size: int = 0

    def read(self, size: int, /) -> bytes:
        """As a file does; BadZipFile at the end where it is another one."""
        block = self.file.read(size)
        self._checksum, self._size = zlib.crc32(block, self._checksum), self._size + len(block)
        if not block and (self._checksum, self._size) != (self.entry.CRC, self.entry.file_size):
            raise zipfile.BadZipFile("the directory tells another size or checksum of a member")
        return block
