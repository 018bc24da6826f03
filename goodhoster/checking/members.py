"""Pictures and videos inside archives and PDF files, by the exact digest of their own bytes.

Archives in archives are looked into, too, down to a depth. What is none of these kinds (7z, RAR), lies deeper, or hangs
behind a picture inside is not, and that is said: `other-archive`. PDF pictures that are not kept as files (anything but
JPEG and JPEG 2000, be they packed once more by Flate) are not looked at, and no fingerprint is made of a member.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

from goodhoster.checking.appended import appended_members
from goodhoster.checking.digests import digests_of
from goodhoster.checking.member_reading import Inflated, Member, Readable, Rejoined, read_whole
from goodhoster.checking.unix_archives import AR, ar_members, begins_as_cpio, cpio_members
from goodhoster.checking.zip_members import named_zip_members, zip_members
from goodhoster.errors import UncheckedError
from goodhoster.model.content_kinds import HEAD, kind_of, named_as_picture, other_archive, other_archive_behind
from goodhoster.model.digests import Digests
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import OTHER_ARCHIVE
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
_LARGEST_HELD = 32 << 20
"""Bytes of a picture in an archive that are held so that what begins behind it is found."""
_LARGEST_DOCUMENT = 256 << 20
"""Bytes of a PDF, or of a ZIP inside, that are held in memory at once; a larger one is `too-big` to be looked into."""
_DEEPEST = 3
"""Archives around a picture, beyond the outermost."""
_BLOCK = 1 << 16
_ENDS = 8
"""Reads past its end that a TAR file without its closing blocks may need."""
_COMPRESSED: dict[bytes, Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
_MAGIC = tuple(_COMPRESSED)
_LZMA = re.compile(rb"\x5d\0\0[\0-\x80][\0-\x40](?:\xff{8}|.{5}\0{3})", re.DOTALL)
"""The header of the older form of LZMA: properties, size of the dictionary, size of the content or none."""
_COMPRESSED[b"\x5d\0\0"] = lzma.LZMAFile
_LONGEST_MAGIC = max(map(len, _COMPRESSED))


Opener = Callable[[BinaryIO], Iterator[Member]]


def opener_at_end(end: bytes) -> Opener | None:
    """The opener for a ZIP behind other bytes, by the last bytes of the file (`END`).

    Such as a self-extracting one: every program that reads ZIP files looks there (APPNOTE 4.3.16).
    """
    return zip_members if any(_ends_a_zip(end, mark.start()) for mark in re.finditer(b"PK\5\6", end)) else None


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
        return zip_members
    if beginning.startswith(_MAGIC) or _LZMA.match(beginning):
        return _compressed
    if beginning.startswith(AR):
        return ar_members
    if begins_as_cpio(beginning):
        return cpio_members
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
    `broken-archive`, `encrypted`, `other-archive`, `too-many-members`, `too-big`. What cannot be read hides nothing
    that lies beside it: all that can be is given before.
    """

    def __init__(self, file: BinaryIO, opener: Opener, limits: ReadingLimits) -> None:
        self._every = limits.every_member
        self._members = named_zip_members(file) if self._every and opener is zip_members else opener(file)
        self._appended = opener is appended_members
        self._left = _Left(limits.members, limits.member_bytes)
        self._problem: UncheckedError | None = None
        """The first of what could not be looked at."""
        self.left_out = 0
        """Entries that are no file with something in it."""

    def __iter__(self) -> Iterator[Digests]:
        yield from self._digests(self._members, depth=0, appended=self._appended)
        if self._problem:
            raise self._problem

    def _digests(self, members: Iterator[Member], depth: int, *, appended: bool = False) -> Iterator[Digests]:
        """The digests of what is inside one archive, and inside those in it.

        `appended`: they begin behind a picture, and what is behind them is among them.
        """
        while True:
            try:
                name, file = next(members)
                yield from self._digests_of(name, file, depth, appended=appended)
            except StopIteration:
                return
            except UncheckedError as error:
                if self._left.is_over:
                    raise
                self._note(error)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - a reader may raise anything over an outsider's bytes
                self._note(_unreadable(error))

    def _digests_of(self, name: bytes, file: Readable | None, depth: int, *, appended: bool) -> Iterator[Digests]:
        head = read_whole(file, HEAD) if file else b""
        self._left.unpacked(len(head))
        if file is None or not head:
            self.left_out += 1
            return
        rest = _Counted(file, self._left)
        if self._every:
            self._left.found()
            yield digests_of(_blocks(head, rest))
            return
        opener, is_picture = opener_of(head), kind_of(head) is not ContentKind.OTHER or named_as_picture(name)
        if is_picture:
            self._left.found()
        if is_picture and opener:  # both at once, or an archive that is called a picture
            held = _held(Rejoined(head, rest))
            yield digests_of([held])
            yield from self._nested(opener, io.BytesIO(held), depth)
        elif is_picture and appended:
            yield digests_of(_blocks(head, rest))
        elif is_picture:
            yield from self._picture(head, rest, depth)
        elif opener:
            yield from self._nested(opener, Rejoined(head, rest), depth)
        elif other := other_archive(head):
            self._note(_not_looked_into(other))

    def _picture(self, head: bytes, rest: Readable, depth: int) -> Iterator[Digests]:
        """The digests of a picture, and of what begins behind it; a large one is not held for that."""
        first, end = head + read_whole(rest, _LARGEST_HELD), _End()
        yield digests_of(end.of(_blocks(first, rest)))
        if opener_at_end(end.last) or other_archive_behind(end.last):
            self._note(_not_looked_into("an archive behind a picture"))
        elif len(first) < _LARGEST_HELD:
            yield from self._digests(appended_members(io.BytesIO(first)), depth, appended=True)

    def _nested(self, opener: Opener, file: Readable, depth: int) -> Iterator[Digests]:
        if depth == _DEEPEST:
            self._note(_not_looked_into(f"archives in one another, more than {_DEEPEST} deep"))
        else:
            yield from self._digests(_opened(opener, file), depth + 1)

    def _note(self, problem: UncheckedError) -> None:
        self._problem = self._problem or problem


def _unreadable(error: Exception) -> UncheckedError:
    if isinstance(error, _BROKEN):
        return UncheckedError(f"the archive is broken: {error}", reason="broken-archive")
    if isinstance(error, RuntimeError):  # what zipfile says of an encrypted member
        return UncheckedError(f"not everything inside can be read: {error}", reason="encrypted")
    return UncheckedError(f"the archive is broken: {error!r}", reason="broken-archive")


def _not_looked_into(what: str) -> UncheckedError:
    return UncheckedError(f"inside is what is not looked into: {what}", reason=OTHER_ARCHIVE)


def _opened(opener: Opener, file: Readable) -> Iterator[Member]:
    """The members of an archive inside another.

    A ZIP is read from its end, so that it must be held whole.
    """
    source: Any = file  # the others want nothing but reading
    if opener is zip_members:
        source = io.BytesIO(_held(file))
    yield from opener(source)


def _held(file: Readable) -> bytes:
    held = read_whole(file, _LARGEST_DOCUMENT + 1)
    if len(held) > _LARGEST_DOCUMENT:
        raise UncheckedError("an archive inside is too large to be looked into", reason="too-big")
    return held


@dataclass(slots=True)
class _Left:
    """The limits that remain for one file."""

    members: int
    size: int
    is_over: bool = False
    """One of the limits was reached: nothing more is looked at."""

    def found(self) -> None:
        self.members -= 1
        if self.members < 0:
            self.is_over = True
            raise UncheckedError("too many pictures and videos inside", reason="too-many-members")

    def unpacked(self, size: int) -> None:
        self.size -= size
        if self.size < 0:
            self.is_over = True
            raise UncheckedError("what is inside is too large", reason="too-big")


@dataclass(slots=True)
class _Counted:
    """A member of which all that is read counts."""

    file: Readable
    left: _Left

    def read(self, size: int, /) -> bytes:
        block = self.file.read(size)
        self.left.unpacked(len(block))
        return block


@dataclass(slots=True)
class _End:
    """The last bytes of what was read."""

    last: bytes = b""

    def of(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.last = block[-END:] if len(block) >= END else (self.last + block)[-END:]
            yield block


def _blocks(head: bytes, member: Readable) -> Iterator[bytes]:
    yield head
    while block := member.read(_BLOCK):
        yield block


def _compressed(file: BinaryIO) -> Iterator[Member]:
    """The members of compressed data: a TAR file, or one file alone."""
    # Not tarfile's own decompression, which takes quadratic time over data that compresses well.
    magic = read_whole(file, _LONGEST_MAGIC)
    packed: Any = Rejoined(magic, file)  # of a file, decompression wants nothing but reading
    unpacked = next(opens(packed) for start, opens in _COMPRESSED.items() if magic.startswith(start))
    first = read_whole(unpacked, BEGINNING)
    whole = Rejoined(first, unpacked)
    if _begins_as_tar(first):
        yield from _tar(whole)
    elif first:
        yield Member(b"", whole)


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
        block = read_whole(self._file, size)
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
    document = read_whole(file, _LARGEST_DOCUMENT + 1)
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
        inner = Inflated(unpacked, zlib.MAX_WBITS, ends_where_broken=True)  # it was decided whether it is a picture
        first = read_whole(inner, _LONGEST_PICTURE_MAGIC)
        unpacked = Rejoined(first, inner)
        if _PICTURE.match(first):
            return unpacked
        if not _ZLIB.match(first):
            break
    return None


_LONGEST_PICTURE_MAGIC = 16
