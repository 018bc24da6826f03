"""Perceptual hashes of pictures: near for pictures that look alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

MATCHABLE = 50
"""The least quality of a picture that says anything (PDQ's own advice); a flatter one has no near match."""


class FingerprintKind(StrEnum):
    """The fingerprints that are made of a picture."""

    PDQ = "pdq"
    """256 bits, compatible with `facebook/ThreatExchange`; the only one that lists of others use."""
    PHASH = "phash"
    """64 bits as `imagehash.phash` computes them: survives cropping that PDQ does not; for review only."""
    PHOTODNA = "photodna"
    """What a licensed library makes, where the hoster has one (`ports.LicensedFingerprinter`); for services only."""

    @property
    def width(self) -> int:
        """Length of a value in bytes; 0 where that is for a library of others to say."""
        return _WIDTHS[self]


_WIDTHS = {FingerprintKind.PDQ: 32, FingerprintKind.PHASH: 8, FingerprintKind.PHOTODNA: 0}


@dataclass(frozen=True, slots=True)
class Pixels:
    """A picture as it was decoded, for a library that takes a fingerprint of its own of it."""

    width: int
    height: int
    rgb: bytes
    """Red, green and blue of each pixel, row by row from the top, without padding: 3 × width × height bytes."""
    orientation: int = 1
    """How it is seen (EXIF, CIPA DC-008, tag 274): 1 as it is stored, 2 to 8 mirrored or turned."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One fingerprint of one picture (a frame or a page is a picture of its own)."""

    kind: FingerprintKind
    value: bytes
    """`kind.width` bytes, in the order in which the hexadecimal form of the field is written; none when a licensed
    library says that the picture has no fingerprint (its quality is 0 then).
    """
    quality: int = 100
    """0 to 100: how much there is to see. Below `MATCHABLE` the value is noise."""
    turned: tuple[bytes, ...] = ()
    """The values of the same picture mirrored and turned by quarters (seven, PDQ only), for look-ups."""

    @property
    def matchable(self) -> bool:
        """Whether a near match can be made with it."""
        return self.quality >= MATCHABLE

    @property
    def values(self) -> tuple[bytes, ...]:
        """What to look up: the picture as it is, then mirrored and turned."""
        return (self.value, *self.turned)

    def distance(self, other: bytes) -> int:
        """The smallest number of differing bits over all orientations of the picture."""
        wanted = int.from_bytes(other)
        return min((int.from_bytes(value) ^ wanted).bit_count() for value in self.values)

    def __str__(self) -> str:
        """One word that `parse` reads: kind, quality, value and turned values."""
        return ":".join((self.kind, str(self.quality), *(value.hex() for value in self.values)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote. ValueError for anything else."""
        name, quality, *values = text.split(":")
        kind = FingerprintKind(name)
        value, *turned = map(bytes.fromhex, values)
        if kind.width and {kind.width} != set(map(len, (value, *turned))):
            msg = f"{text[:80]!r} is no {kind} fingerprint: a value has {kind.width} bytes"
            raise ValueError(msg)
        return cls(kind, value, int(quality), tuple(turned))
