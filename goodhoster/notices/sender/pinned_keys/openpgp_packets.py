"""OpenPGP packets, as far as reading signatures and key strength needs them.

See RFC 4880, RFC 9580.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE, PUBLIC_KEY, PUBLIC_SUBKEY = 2, 6, 14
_ARMOR = re.compile(
    rb"-----BEGIN PGP [A-Z ]{1,40}-----[ \t]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n(.*?)(?:\r?\n=[^\r\n]{4})?\r?\n-----END PGP",
    re.DOTALL,
)
_RSA, _ELLIPTIC = frozenset({1, 3}), frozenset({19, 22, 27, 28})
_FEWEST_BITS = 2048


@dataclass(frozen=True, slots=True)
class OpenPgpKey:
    """A public key or subkey."""

    algorithm: int
    bits: int
    """Of an RSA modulus; 0 for other kinds."""

    @property
    def strong(self) -> bool:
        """Whether it is RSA from 2048 bits, ECDSA or EdDSA."""
        return self.algorithm in _ELLIPTIC or self.bits >= _FEWEST_BITS


def binary_of(data: bytes) -> bytes:
    """Packets without their ASCII armor, where they have one.

    ValueError when the armor holds no base64.
    """
    blocks = _ARMOR.findall(data)
    try:
        return b"".join(base64.b64decode(b"".join(block.split()), validate=True) for block in blocks) or data
    except binascii.Error as error:
        raise ValueError("the armor holds no base64") from error


def tags_of(data: bytes) -> list[int]:
    """The kinds of the packets, in order. ValueError when these are not whole packets."""
    return [tag for tag, _ in _packets(data)]


def keys_of(keyring: bytes) -> dict[str, OpenPgpKey]:
    """Keys and subkeys of version 4 by fingerprint, upper case.

    ValueError when it is no keyring.
    """
    bodies = (body for tag, body in _packets(keyring) if tag in {PUBLIC_KEY, PUBLIC_SUBKEY} and body[:1] == b"\4")
    return {_fingerprint(body): _key(body) for body in bodies}


def has_strong_key(written: bytes) -> bool:
    """Whether a file of public keys holds one that is worth pinning, with or without armor."""
    try:
        return any(key.strong for key in keys_of(binary_of(written)).values())
    except (ValueError, IndexError):
        return False


def _key(body: bytes) -> OpenPgpKey:
    """Parse a key packet.

    Version, four bytes of time, algorithm, and then for RSA the modulus with its length in bits.
    """
    algorithm = body[5]
    return OpenPgpKey(algorithm, int.from_bytes(body[6:8]) if algorithm in _RSA else 0)


def _fingerprint(body: bytes) -> str:
    written = b"\x99" + len(body).to_bytes(2) + body
    return hashlib.sha1(written, usedforsecurity=False).hexdigest().upper()


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            raise ValueError("no OpenPGP packet")
        tag, (length, at) = (head & 0x3F, _new(data, at + 1)) if head & 0x40 else (head >> 2 & 0xF, _old(data, at))
        if at + length > len(data):
            raise ValueError("an OpenPGP packet is cut off")
        yield tag, data[at : at + length]
        at += length


def _old(data: bytes, at: int) -> tuple[int, int]:
    """Read a length of the old format, and where its content starts."""
    size = (1, 2, 4, 0)[data[at] & 3]
    if not size:
        raise ValueError("an OpenPGP packet without a length")
    return int.from_bytes(data[at + 1 : at + 1 + size]), at + 1 + size


def _new(data: bytes, at: int) -> tuple[int, int]:
    first = int.from_bytes(data[at : at + 1])
    if first < 192:  # noqa: PLR2004 - RFC 9580, 4.2.1
        return first, at + 1
    if first < 224:  # noqa: PLR2004 - the same
        return (first - 192 << 8) + int.from_bytes(data[at + 1 : at + 2]) + 192, at + 2
    if first < 255:  # noqa: PLR2004 - the same
        raise ValueError("an OpenPGP packet of partial length")
    return int.from_bytes(data[at + 1 : at + 5]), at + 5
