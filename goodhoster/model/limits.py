"""How far a file that an outsider chose is read and opened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Limits for reading one file; beyond any of them it is *unchecked* with the reason.

    Its exact digests still count, if it has any.
    """

    file_bytes: int = 2 << 30
    """A larger file is not read at all: `too-big`."""
    pixels: int = 150_000_000
    """To be decoded in one file, over all its frames and those passed on the way to them."""
    frames: int = 16
    """Frames of an animation and pages of a document that are fingerprinted; the others are not looked at."""
    members: int = 1000
    """Pictures and videos in one archive or document."""
    member_bytes: int = 1 << 30
    """To be unpacked from one archive or document."""
    seconds: float = 20.0
    """For opening what was read; reading itself takes what the disk takes."""
    memory: int = 1 << 30
    """Bytes of address space beyond what the process that opens files starts with."""
    every_member: bool = False
    """Not a limit either: digests of all files in an archive are taken, and not of pictures and videos alone."""
    photodna: str = ""
    """Not a limit, but how far: by whose licensed library fingerprints are taken too; empty for none."""
