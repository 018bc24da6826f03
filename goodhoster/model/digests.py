"""Exact digests of content."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Algorithm(StrEnum):
    """The exact digests that hash services and list files use: MD5, SHA-1, SHA-256."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"

    @property
    def width(self) -> int:
        """Length of a digest in bytes."""
        return _WIDTHS[self]


_WIDTHS = {Algorithm.MD5: 16, Algorithm.SHA1: 20, Algorithm.SHA256: 32}
_ALGORITHMS = {width: algorithm for algorithm, width in _WIDTHS.items()}


@dataclass(frozen=True, slots=True)
class Digest:
    """One exact digest."""

    algorithm: Algorithm
    value: bytes
    """The raw digest, `algorithm.width` bytes."""

    @property
    def hex(self) -> str:
        """Lower-case hexadecimal, as every wire format here writes it."""
        return self.value.hex()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse bare hexadecimal of either case; the length tells the algorithm.

        ValueError when it is none of them.
        """
        value = bytes.fromhex(text) if len(text) in {32, 40, 64} and text.isalnum() else b""
        if not value:
            msg = f"{text[:80]!r} is not a hexadecimal MD5, SHA-1 or SHA-256 digest"
            raise ValueError(msg)
        return cls(_ALGORITHMS[len(value)], value)


@dataclass(frozen=True, slots=True)
class Digests:
    """The digests of one content, all taken in the same read.

    One that was not taken is empty: whoever asks the relay sends a single digest.
    """

    md5: bytes
    sha1: bytes
    sha256: bytes

    @classmethod
    def only(cls, digest: Digest) -> Self:
        """The one digest that is known of a content."""
        taken = {algorithm.value: b"" for algorithm in Algorithm} | {digest.algorithm.value: digest.value}
        return cls(**taken)

    def has(self, algorithm: Algorithm) -> bool:
        """True when the digest by that algorithm was taken."""
        return bool(getattr(self, algorithm.value))

    def of(self, algorithm: Algorithm) -> Digest:
        """The digest by that algorithm; ask `has` first where one may not have been taken."""
        return Digest(algorithm, getattr(self, algorithm.value))

    @property
    def strongest(self) -> Digest:
        """The one that is hardest to forge among those that were taken. ValueError when none was."""
        return self.of(max(filter(self.has, Algorithm), key=lambda algorithm: algorithm.width))
