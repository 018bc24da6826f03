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
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, Protocol, Self

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
_DIRECTORY_ENTRY = 46
_SPANNING_MARKS = (b"PK\7\x08PK\3\4", b"PK00PK\3\4")
"""The start of the first part of a divided ZIP, which may also be whole (APPNOTE 8.5.3, 8.5.4)."""

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
    return _zip if any(_ends_a_zip(end, mark.start()) for mark in re.finditer(b"PK\5\6", end)) else None


def _ends_a_zip(end: bytes, at: int) -> bool:
    """Whether a ZIP's end record is there: it fits to the end of the file, or to its directory.

    The mark may also stand in a comment, and other bytes may follow the record.
    """
    if len(end) - at < _END_RECORD:
        return False
    *_, here, entries, size, _, comment = struct.unpack_from("<4H2LH", end, at + 4)
    if comment == len(end) - at - _END_RECORD:
        return True
    fits = 0 < here <= entries and size >= here * _DIRECTORY_ENTRY
    return fits and end.startswith(b"PK\1\2", max(0, at - size)) if size <= at else False


def opener_of(beginning: bytes) -> Opener | None:
    """The opener for such a file by its first bytes (`BEGINNING`).

    None for what is no archive or document.
    """
    if beginning.startswith((b"PK\3\4", b"PK\5\6", *_SPANNING_MARKS)):
        return _zip
    if beginning.startswith(tuple(_COMPRESSED)):
        return _compressed
    if _begins_as_tar(beginning):
        return _tar
    return _pdf if _PDF.search(beginning) else None


def _begins_as_tar(beginning: bytes) -> bool:
    """Recognise a TAR file by the checksum that every form of it has, or by the mark of POSIX.

    Before POSIX there was no mark; and whoever reads one with a wrong checksum reads on behind it.
    """
    for block in (beginning[: tarfile.BLOCKSIZE], beginning[tarfile.BLOCKSIZE : 2 * tarfile.BLOCKSIZE]):
        if len(block) == tarfile.BLOCKSIZE and block.count(0) == tarfile.BLOCKSIZE:
            continue  # some programs pass over empty blocks
        return block[_USTAR].startswith(b"ustar") or _is_tar_header(block)
    return False


_USTAR = slice(257, 262)


def _is_tar_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
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
        except (UncheckedError, MemoryError):
            raise
        except RuntimeError as error:  # what zipfile says of an encrypted member
            raise UncheckedError(f"not everything inside can be read: {error}", reason="encrypted") from error
        except Exception as error:  # a reader of archives may raise anything over an outsider's bytes
            raise UncheckedError(f"the archive is broken: {error!r}", reason="broken-archive") from error

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
            if entry.filename.endswith("/"):  # not is_dir(), which fails for a member without a name
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
    first = _read_whole(unpacked, BEGINNING)
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
    """The members of all TAR files one behind the other, as `tar --ignore-zeros` reads them."""
    ending: Any = _Ending(file)  # of a file, mode "r|" wants nothing but reading
    with _TarFile.open(fileobj=ending, mode="r|", bufsize=_BLOCK, ignore_zeros=True) as archive:
        for entry in archive:
            name = entry.name.encode("utf-8", "surrogateescape")
            # Whatever has a type that is not known is extracted as a file.
            is_file = entry.isreg() or entry.type not in tarfile.SUPPORTED_TYPES
            member = archive.extractfile(entry) if is_file else None
            if member or not entry.isdir():
                yield Member(name, member)
    if archive.damaged:
        raise tarfile.ReadError("there is something in it that is no member")


class _TarHeader(tarfile.TarInfo):
    """A header that tells the archive when it is none."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """As the base class does; what remains at the end is a block, too."""
        return super().frombuf(bytes(buf).ljust(tarfile.BLOCKSIZE, b"\0") if buf else buf, encoding, errors)

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """As the base class does."""
        try:
            return super().fromtarfile(archive)
        except tarfile.InvalidHeaderError:  # type: ignore[attr-defined]  # typeshed does not have it
            if isinstance(archive, _TarFile):
                archive.damaged = True
            raise


class _TarFile(tarfile.TarFile):
    """A TAR file that notes whether something in it was passed over.

    Such as what follows a broken header, or what stands behind its end.
    """

    tarinfo = _TarHeader
    damaged = False


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
