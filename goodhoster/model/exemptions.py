"""What a person here stated to be harmless, such as the pictures of a public CMS release."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from goodhoster.model.digests import Algorithm, Digests


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why a known content is not acted on: it is held, and the list's owner is informed."""

    set_name: str
    by: Algorithm
    """The strongest digest that the set has of this content. Others are not compared: collisions of MD5 and SHA-1 can
    be made.
    """
    content: Digests
    """Of the content itself, which may lie inside an archive."""

    def __str__(self) -> str:
        """The set's name, and how weak its word is."""
        return f"{self.set_name}, by {self.by} alone" if self.by is not Algorithm.SHA256 else self.set_name


@dataclass(frozen=True, slots=True)
class ExemptionSet:
    """The exempt contents of one origin, replaced as a whole."""

    name: str
    version: str
    """Of the release, in its maker's words; empty where nobody told."""
    origin: str
    """What it was made from, in words, with its SHA-256 where that is a file."""
    made_at: datetime
    """UTC."""
    made_by: str
    """The person at the keyboard."""
    contents: tuple[Digests, ...]
    """Each once, ascending. WordPress's published checksums tell MD5 only."""


@dataclass(frozen=True, slots=True)
class OwnerReport:
    """A report to the owner of a hash list: it lists a content that is exempt or harmless here.

    It says nothing about any customer.
    """

    id: str
    """The same for a source and a content, however often it is found."""
    source: str
    algorithm: str
    """By which the source knew it: an `Algorithm` or a `FingerprintKind`."""
    category: str
    set_name: str
    exemption: str
    """The set and how weak its word is, for people."""
    md5: str
    """Hexadecimal, as the other two."""
    sha1: str
    sha256: str
    seen_at: str
    """For people, UTC."""
    kind: str = "exempt"
    """`exempt`, or `mistake`: a person here found a match to be wrong and undid what followed."""
