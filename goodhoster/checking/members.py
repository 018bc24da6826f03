"""Pictures and videos inside ZIP, TAR and PDF files, by the exact digest of their own bytes.

Not looked into: an archive inside an archive, other kinds of archive (7z, RAR), PDF pictures that are not kept as
files (anything but JPEG and JPEG 2000, be they packed once more by Flate), and no fingerprint is made of a member.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, Protocol

from goodhoster.checking.digests import digests_of
from goodhoster.errors import UncheckedError
from goodhoster.model.content_kinds import HEAD, kind_of, named_as_picture
from goodhoster.model.digests import Digests
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.verdicts import ContentKind

BEGINNING = 1024
"""Bytes from the start that tell an archive or document: a PDF may begin as late (ISO 32000-1, annex H)."""

END = (1 << 16) + 22
"""Bytes at the end that hold the end record of a ZIP with the longest comment (APPNOTE 4.3.16)."""
_END_RECORD = 22

_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,  # what zipfile raises for a compression that it does not know
)
_LARGEST_DOCUMENT = 256 << 20
"""Bytes of a PDF that are held in memory at once; a larger one is `too-big` to be looked into."""
_BLOCK = 1 << 16
_ENDS = 8
"""Reads past its end that a TAR file without its closing blocks may need."""
_COMPRESSED: dict[bytes, Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
_LONGEST_MAGIC = max(map(len, _COMPRESSED))


class Readable(Protocol):
    """A member, from its start to its end."""

    def read(self, size: int, /) -> bytes:
        """Up to that many bytes more; none at the end."""


class Member(NamedTuple):
    """A member of an archive: a file, or something else, such as a link or a directory."""

    name: bytes
    """As the archive has it; empty where it has none."""
    file: Readable | None
    """None: no file."""


Opener = Callable[[BinaryIO], Iterator[Member]]


def opener_at_end(end: bytes) -> Opener | None:
    """The opener for a ZIP behind other bytes, by the last bytes of the file (`END`).

    Such as a self-extracting one: every program that reads ZIP files looks there (APPNOTE 4.3.16).
    """
    found = end.rfind(b"PK\5\6")
    record = end[found : found + _END_RECORD] if found >= 0 else b""
    whole = len(record) == _END_RECORD and int.from_bytes(record[-2:], "little") == len(end) - found - _END_RECORD
    return _zip if whole else None


def opener_of(beginning: bytes) -> Opener | None:
    """The opener for such a file by its first bytes (`BEGINNING`).

    None for what is no archive or document.
    """
    if beginning.startswith((b"PK\3\4", b"PK\5\6")):
        return _zip
    if beginning.startswith(tuple(_COMPRESSED)):
        return _compressed
    if _begins_as_tar(beginning):
        return _tar
    return _pdf if _PDF.search(beginning) else None


def _begins_as_tar(beginning: bytes) -> bool:
    """Recognise a TAR file by the checksum that every form of it has.

    Before POSIX there was no magic number.
    """
    try:
        tarfile.TarInfo.frombuf(beginning[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


class Inside:
    """The digests of the pictures and videos inside a file.

    Or, with `limits.every_member`, of all files there. Iterating raises UncheckedError, also after some were given:
    `broken-archive`, `encrypted`, `too-many-members`, `too-big`.
    """

    def __init__(self, file: BinaryIO, opener: Opener, limits: ReadingLimits) -> None:
        self._members = opener(file)
        self._every = limits.every_member
        self._left = _Left(limits.members, limits.member_bytes)
        self.left_out = 0
        """Entries that are no file with something in it."""

    def __iter__(self) -> Iterator[Digests]:
        try:
            yield from self._digests()
        except _BROKEN as error:
            raise UncheckedError(f"the archive is broken: {error}", reason="broken-archive") from error
        except RuntimeError as error:  # what zipfile says of an encrypted member
            raise UncheckedError(f"not everything inside can be read: {error}", reason="encrypted") from error

    def _digests(self) -> Iterator[Digests]:
        for name, file in self._members:
            head = _read_whole(file, HEAD) if file else b""
            self._left.unpacked(len(head))
            if file is None or not head:
                self.left_out += 1
            elif self._every or kind_of(head) is not ContentKind.OTHER or named_as_picture(name):
                self._left.found()
                yield digests_of(_blocks(head, file, self._left))


@dataclass(slots=True)
class _Left:
    """The limits that remain for one file."""

    members: int
    size: int

    def found(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise UncheckedError("too many pictures and videos inside", reason="too-many-members")

    def unpacked(self, size: int) -> None:
        self.size -= size
        if self.size < 0:
            raise UncheckedError("what is inside is too large", reason="too-big")


def _blocks(head: bytes, member: Readable, left: _Left) -> Iterator[bytes]:
    yield head
    while block := member.read(_BLOCK):
        left.unpacked(len(block))
        yield block


def _read_whole(file: Readable, size: int) -> bytes:
    """Exactly that many bytes, fewer at the end only.

    One call of `read` may return less where one part of a file ends.
    """
    parts: list[bytes] = []
    while size and (block := file.read(size)):
        parts.append(block)
        size -= len(block)
    return b"".join(parts)


def _zip(file: BinaryIO) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            name = entry.filename.encode("utf-8", "surrogateescape")
            if entry.is_dir():
                continue
            if stat.S_ISLNK(entry.external_attr >> 16):
                yield Member(name, None)
                continue
            with archive.open(entry) as member:
                yield Member(name, member)


def _compressed(file: BinaryIO) -> Iterator[Member]:
    """The members of compressed data: a TAR file, or one file alone."""
    # Not tarfile's own decompression, which takes quadratic time over data that compresses well.
    magic = file.read(_LONGEST_MAGIC)
    file.seek(0)
    unpacked = next(opens(file) for start, opens in _COMPRESSED.items() if magic.startswith(start))
    first = _read_whole(unpacked, tarfile.BLOCKSIZE)
    whole = _Rejoined(first, unpacked)
    if _begins_as_tar(first):
        yield from _tar(whole)
    elif first:
        yield Member(b"", whole)


@dataclass(slots=True)
class _Rejoined:
    """A file whose beginning was read already."""

    first: bytes
    rest: Readable

    def read(self, size: int, /) -> bytes:
        begun, self.first = self.first[:size], self.first[size:]
        return begun or self.rest.read(size)


def _tar(file: Readable) -> Iterator[Member]:
    ending: Any = _Ending(file)  # of a file, mode "r|" wants nothing but reading
    with tarfile.open(fileobj=ending, mode="r|", bufsize=_BLOCK) as archive:
        for entry in archive:
            name = entry.name.encode("utf-8", "surrogateescape")
            member = archive.extractfile(entry) if entry.isreg() else None
            if member or not entry.isdir():
                yield Member(name, member)


class _Ending:
    """A TAR file that may end too early.

    Without it tarfile would go on asking for the petabyte that a header claims.
    """

    def __init__(self, file: Readable) -> None:
        self._file, self._left = file, _ENDS

    def read(self, size: int, /) -> bytes:
        """Read as a file does; EOFError when more is asked for after the end."""
        block = _read_whole(self._file, size)
        if not block:
            self._left -= 1
            if self._left < 0:
                raise EOFError("it ends within a member")
        return block


_PDF = re.compile(rb"%PDF-[0-9]")
_STREAM = re.compile(rb"stream\r?\n")
_PICTURE = re.compile(rb"\xff\xd8\xff|\0\0\0\x0cjP  ")
_ZLIB = re.compile(rb"[\x08\x18\x28\x38\x48\x58\x68\x78]")
_ENCRYPTED = re.compile(rb"/Encrypt\s*(?:[0-9]+\s+[0-9]+\s+R|<<)")
_END_OF_LINE = re.compile(rb"(?:\r\n|\r|\n)\Z")
"""What a writer puts before `endstream` and is no part of the stream (ISO 32000-1, 7.3.8.1)."""
_LAYERS = 3
"""How often a picture may be packed: its own filter, and Flate around it, once or twice."""


def _pdf(file: BinaryIO) -> Iterator[Member]:
    document = file.read(_LARGEST_DOCUMENT + 1)
    if len(document) > _LARGEST_DOCUMENT:
        raise UncheckedError("the document is too large to be opened", reason="too-big")
    if _ENCRYPTED.search(document):
        raise UncheckedError("the document is encrypted", reason="encrypted")
    for stream in _STREAM.finditer(document):
        end = document.find(b"endstream", stream.end())
        if end >= 0 and (picture := _picture(document, stream.end(), end)):
            yield Member(b"", picture)


def _picture(document: bytes, start: int, end: int) -> Readable | None:
    """The picture in a stream of a document; None where it holds something else."""
    if _PICTURE.match(document, start, end):
        return io.BytesIO(_END_OF_LINE.sub(b"", document[start:end], count=1))
    if not _ZLIB.match(document, start, end):
        return None
    unpacked: Readable = io.BytesIO(document[start:end])
    for _ in range(_LAYERS):
        inner = _Inflated(unpacked)
        first = _read_whole(inner, _LONGEST_PICTURE_MAGIC)
        unpacked = _Rejoined(first, inner)
        if _PICTURE.match(first):
            return unpacked
        if not _ZLIB.match(first):
            break
    return None


_LONGEST_PICTURE_MAGIC = 16


class _Inflated:
    """Data decompressed by zlib, in little memory.

    It ends where the data is broken: whether it is a picture is decided before.
    """

    def __init__(self, packed: Readable) -> None:
        self._packed = packed
        self._inflating = zlib.decompressobj()
        self._waiting = b""

    def read(self, size: int, /) -> bytes:
        while not self._inflating.eof:
            taken = self._waiting or self._packed.read(_BLOCK)
            try:
                block = self._inflating.decompress(taken, size)
            except zlib.error:
                return b""
            self._waiting = self._inflating.unconsumed_tail
            if block or not taken:
                return block
        return b""
