"""Pictures and videos inside ZIP, TAR and PDF files, by the exact digest of their own bytes.

Not looked into: an archive inside an archive, other kinds of archive (7z, RAR), PDF pictures that are not kept as
files (anything but JPEG and JPEG 2000), and no fingerprint is made of a member.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from goodhoster.checking.digests import digests_of
from goodhoster.errors import UncheckedError
from goodhoster.model.content_kinds import HEAD, kind_of
from goodhoster.model.digests import Digests
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.verdicts import Kind

BEGINNING = 512
"""Bytes from the start that tell an archive or document."""

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
        """Up to so many bytes more; none at the end."""


Members = Iterator[Readable]
Opener = Callable[[BinaryIO], Members]


def opener_of(beginning: bytes) -> Opener | None:
    """What takes such a file apart, by its first bytes (`BEGINNING`); None for what is no archive or document."""
    if beginning.startswith((b"PK\3\4", b"PK\5\6")):
        return _zip
    if beginning[257:262] == b"ustar" or beginning.startswith(tuple(_COMPRESSED)):
        return _tar
    return _pdf if beginning.startswith(b"%PDF-") else None


def members_of(file: BinaryIO, opener: Opener, limits: ReadingLimits) -> Iterator[Digests]:
    """The digests of the pictures and videos inside, in order.

    Raises UncheckedError, also after some were given: `broken-archive`, `encrypted`, `too-many-members`, `too-big`.
    """
    left = _Left(limits.members, limits.member_bytes)
    try:
        for member in opener(file):
            head = member.read(HEAD)
            left.unpacked(len(head))
            if kind_of(head) is not Kind.OTHER:
                left.found()
                yield digests_of(_blocks(head, member, left))
    except _BROKEN as error:
        raise UncheckedError(f"the archive is broken: {error}", reason="broken-archive") from error
    except RuntimeError as error:  # what zipfile says of an encrypted member
        raise UncheckedError(f"not everything inside can be read: {error}", reason="encrypted") from error


@dataclass(slots=True)
class _Left:
    """What may still be taken out of one file."""

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


def _zip(file: BinaryIO) -> Members:
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                with archive.open(entry) as member:
                    yield member


def _tar(file: BinaryIO) -> Members:
    # Not tarfile's own decompression, which takes quadratic time over data that compresses well.
    magic = file.read(_LONGEST_MAGIC)
    file.seek(0)
    plain = next((opens(file) for start, opens in _COMPRESSED.items() if magic.startswith(start)), file)
    try:
        ending: Any = _Ending(plain)  # of a file, mode "r|" wants nothing but reading
        archive = tarfile.open(fileobj=ending, mode="r|", bufsize=_BLOCK)  # noqa: SIM115 - closed below
    except tarfile.ReadError:
        return  # compressed, but no archive
    with archive:
        for entry in archive:
            member = archive.extractfile(entry) if entry.isreg() else None
            if member is not None:
                yield member


class _Ending:
    """A TAR file that may end too early: tarfile would go on asking for the petabyte that a header claims."""

    def __init__(self, file: Readable) -> None:
        self._file, self._left = file, _ENDS

    def read(self, size: int, /) -> bytes:
        """As a file, but EOFError where nothing more comes and it is still asked for."""
        block = self._file.read(size)
        if not block:
            self._left -= 1
            if self._left < 0:
                raise EOFError("it ends within a member")
        return block


def _pdf(file: BinaryIO) -> Members:
    document = file.read(_LARGEST_DOCUMENT + 1)
    if len(document) > _LARGEST_DOCUMENT:
        raise UncheckedError("the document is too large to be looked into", reason="too-big")
    for stream in _STREAM.finditer(document):
        end = document.find(b"endstream", stream.end())
        if end >= 0:
            yield io.BytesIO(_END_OF_LINE.sub(b"", document[stream.end() : end], count=1))


_STREAM = re.compile(rb"stream\r?\n(?=\xff\xd8\xff|\0\0\0\x0cjP  )")
_END_OF_LINE = re.compile(rb"(?:\r\n|\r|\n)\Z")
"""What a writer puts before `endstream` and is no part of the stream (ISO 32000-1, 7.3.8.1)."""
