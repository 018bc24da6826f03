"""A list file as a stream of text, from disk, pipe or standard input.

It is decompressed and recoded to UTF-8, in blocks.
"""

from __future__ import annotations

import bz2
import codecs
import itertools
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.entries import STANDARD_INPUT, Reading

BLOCK = 1 << 16
"""Bytes that are read at a time."""
LONGEST_LINE = 1 << 16
"""Bytes."""

Lines = Iterator[tuple[int, bytes]]
"""Each line with its number, without its end."""

_XZ_MEMORY = 128 << 20  # bytes; `xz -9` needs 65 MB
_UNPACK_FIRST = {
    b"PK\3\4": "unzip -p",
    b"7z\xbc\xaf\x27\x1c": "7z x -so",
    b"\x28\xb5\x2f\xfd": "zstd -dc",
    b"Rar!": "unrar p -inul",
}
_COMPRESSED: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY),
}
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Stream:
    """The text of a list file. May be read once, by blocks or by lines."""

    def __init__(self, reading: Reading, blocks: Iterator[bytes]) -> None:
        self._reading = reading
        first = next(blocks, b"")
        self.head = first
        """The beginning of the text; empty when there is none."""
        self._blocks = itertools.chain((first,), blocks)

    def read(self, _size: int) -> bytes:
        """The next block, whatever its size; empty at the end."""
        return next(filter(None, self._blocks), b"")

    def lines(self) -> Lines:
        """The lines, with any line ending. ConfigurationError for one that is too long."""
        number, rest = 0, b""
        for block in self._blocks:
            lines = (rest + block).splitlines(keepends=True)
            rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
            for line in lines:
                number += 1
                yield number, self._checked(number, line)
            self._checked(number + 1, rest)
        if rest:
            yield number + 1, rest.rstrip(b"\r")

    def _checked(self, number: int, line: bytes) -> bytes:
        if len(line) >= LONGEST_LINE:
            raise self._reading.bad(f"line {number}", line, f"is longer than {LONGEST_LINE} bytes")
        return line.rstrip(b"\r\n")


@contextmanager
def opened(reading: Reading) -> Iterator[Stream]:
    """Open the file's text. ConfigurationError when it cannot be read or decompressed."""
    path = reading.path
    if path == STANDARD_INPUT and sys.stdin is None:
        # Number 0 is another file by now, such as one of our own.
        raise reading.unusable("(standard input) is closed", "pipe the list in, or name its file")
    try:
        fd = os.dup(0) if path == STANDARD_INPUT else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(fd, "rb", buffering=0) as file:
            yield Stream(reading, _text(reading, _unpacked(reading, _read(file))))
    except OSError as error:
        hint = "check its name, owner and mode"
        raise ConfigurationError(f"cannot read the list file {path}: {error.strerror}", hint=hint) from error


def _read(file: Any) -> Iterator[bytes]:  # noqa: ANN401 - a raw file, of which typeshed has several
    """The blocks of a file, the first long enough to recognise the format.

    A pipe delivers little at a time.
    """
    first = b""
    while len(first) < BLOCK and (block := file.read(BLOCK)):
        first += block
    yield first
    while block := file.read(BLOCK):
        yield block


def _unpacked(reading: Reading, blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, b"")
    for magic, command in _UNPACK_FIRST.items():
        if first.startswith(magic):
            how = f"unpack it, or: {command} {reading.path} | goodhoster hashlist import - …"
            raise reading.unusable("is packed in a way that is not opened here", how)
    opens = next((opens for magic, opens in _COMPRESSED.items() if first.startswith(magic)), None)
    blocks = itertools.chain((first,), blocks)
    return _decompressed(reading, opens, blocks) if opens else blocks


class _Streams:
    """Streams that are appended to each other, with zeros between them or at the end."""

    def __init__(self, opens: Callable[[], Any]) -> None:
        self._opens = opens
        self._stream = opens()

    @property
    def eof(self) -> bool:
        """Whether the last stream is whole."""
        return bool(self._stream.eof)

    def decompress(self, packed: bytes) -> Iterator[bytes]:
        """What a block unpacks to, a piece at a time."""
        while True:
            if self._stream.eof:
                if not packed.strip(b"\0"):
                    return  # padding
                self._stream = self._opens()
            text = self._stream.decompress(packed, BLOCK)
            # zlib hands back what it did not take, the others keep it.
            packed = self._stream.unused_data if self._stream.eof else getattr(self._stream, "unconsumed_tail", b"")
            if text:
                yield text
            elif not packed:
                return


def _decompressed(reading: Reading, opens: Callable[[], Any], blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress as `zcat` does, also several streams appended to each other."""
    unpacking = _Streams(opens)
    try:
        for block in blocks:
            yield from unpacking.decompress(block)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise reading.unusable(f"cannot be unpacked: {error}", "fetch it again") from error
    if not unpacking.eof:
        raise reading.unusable("ends in the middle of its compressed data", "fetch it again")


def _text(reading: Reading, blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, b"")
    mark = next((mark for mark in _MARKS if first.startswith(mark)), b"")
    encoding = _MARKS[mark] if mark else _guessed(first)
    blocks = itertools.chain((first.removeprefix(mark),), blocks)
    return blocks if encoding == "utf-8" else _recoded(reading, encoding, blocks)


def _guessed(first: bytes) -> str:
    """The encoding of a text without a byte order mark, by its first bytes.

    UTF-16 has a zero in every second byte of what is hexadecimal.
    """
    even, odd = first[:64:2], first[1:64:2]
    if odd and not odd.strip(b"\0") and even.strip(b"\0"):
        return "utf-16-le"
    return "utf-16-be" if odd.strip(b"\0") and not even.strip(b"\0") else "utf-8"


def _recoded(reading: Reading, encoding: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in blocks:
            yield decoder.decode(block).encode("utf-8", "surrogatepass")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise reading.unusable(f"is damaged: {error.reason} ({encoding})", "fetch it again") from error
