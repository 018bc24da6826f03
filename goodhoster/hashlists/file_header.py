"""The header of a list file: source, algorithm, entry count and checksums to detect damage.

A list file holds the digests of one source by one algorithm:

    header    HEADER_SIZE bytes, see below
    records   `count` × (digest, one byte category id), ascending by digest, each digest once
    padding   to a multiple of 4
    offsets   2^bits + 1 unsigned 32-bit numbers: how many records lie before each bucket

A digest's bucket is its first `bits` bits. Header and offsets are in the machine's own byte order: where that is the
other one, the version reads as an unknown one. The last 32 bytes of the header are the SHA-256 of those before them;
`body` is the SHA-256 of all that follows the header.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

HEADER_SIZE = 4096
_MAGIC = b"ghlist\r\n"  # a transfer as text would change it
_VERSION = 1
_FIELDS = struct.Struct("=8sHB5xQQ64s8s480s32s")
_SUM_SIZE = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a list file's header."""

    source: str
    algorithm: Algorithm
    bits: int
    """The offsets have 2^bits buckets; 0 to 32."""
    categories: Mapping[Category, int]
    """Entries by category; the position is the id that the records hold."""
    created: datetime
    """Aware, UTC, whole seconds."""
    body: bytes
    """SHA-256 of everything after the header."""

    @property
    def count(self) -> int:
        """Number of entries."""
        return sum(self.categories.values())

    @property
    def record_size(self) -> int:
        """Bytes of one entry: the digest and its category id."""
        return self.algorithm.width + 1

    @property
    def records_end(self) -> int:
        """Where the records end, in bytes from the start of the file."""
        return HEADER_SIZE + self.count * self.record_size

    @property
    def offsets_start(self) -> int:
        """Where the offsets start, in bytes from the start of the file."""
        return self.records_end + padding(self.records_end)

    @property
    def file_size(self) -> int:
        """Bytes of the whole file."""
        return self.offsets_start + 4 * ((1 << self.bits) + 1)

    def pack(self) -> bytes:
        """Encode the header as HEADER_SIZE bytes."""
        categories = ",".join(f"{category.value}={count}" for category, count in self.categories.items())
        fields = _FIELDS.pack(
            _MAGIC,
            _VERSION,
            self.bits,
            self.count,
            int(self.created.timestamp()),
            self.source.encode("ascii"),
            self.algorithm.value.encode("ascii"),
            categories.encode("ascii"),
            self.body,
        )
        block = fields.ljust(HEADER_SIZE - _SUM_SIZE, b"\0")
        return block + hashlib.sha256(block).digest()

    @classmethod
    def unpack(cls, block: bytes) -> Self:
        """Decode what `pack` encoded; ValueError says what is wrong with it."""
        fields = _FIELDS.unpack_from(_whole(block))
        _, version, bits, count, created, source, algorithm, categories, body = fields
        if version != _VERSION:
            raise ValueError(f"written as version {version} by another goodhoster or another kind of machine")
        header = cls(
            source=_text(source),
            algorithm=Algorithm(_text(algorithm)),
            bits=bits,
            categories=_categories(_text(categories)),
            created=datetime.fromtimestamp(created, UTC),
            body=body,
        )
        if header.count != count:
            raise ValueError("its header contradicts itself")
        return header


def padding(size: int) -> int:
    """The number of bytes missing to a multiple of 4."""
    return -size % 4


def _whole(block: bytes) -> bytes:
    """The block itself, after checking that it is an undamaged header."""
    if not block.startswith(_MAGIC):
        raise ValueError("not a list file")
    if len(block) != HEADER_SIZE or hashlib.sha256(block[:-_SUM_SIZE]).digest() != block[-_SUM_SIZE:]:
        raise ValueError("its header is damaged")
    return block


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("ascii")


def _categories(text: str) -> dict[Category, int]:
    pairs = (pair.partition("=") for pair in text.split(","))
    return {Category(name): int(count) for name, _, count in pairs}
