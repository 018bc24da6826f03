"""A file below a watched tree, and the state it was seen in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from goodhoster.model.digests import Digests
from goodhoster.model.fingerprints import Fingerprint
from goodhoster.model.verdicts import ContentKind


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is: names and paths are bytes from the kernel to the audit log."""

    tree: bytes
    """Absolute path of the watched tree."""
    path: bytes
    """Relative to the tree, without `..` and without a leading slash."""

    @property
    def absolute(self) -> bytes:
        """The whole path. For people and for messages: files are opened by `tree` and `path` apart."""
        return os.path.join(self.tree, self.path)

    def __str__(self) -> str:
        """Readable, on one line, whatever the bytes are."""
        return display(self.absolute)


def exact(path: bytes) -> str:
    """A path for programs, exactly as it is: bytes that are no UTF-8 as surrogates (PEP 383).

    No two different paths look alike.
    """
    return path.decode("utf-8", "surrogateescape")


def display(path: bytes) -> str:
    """A path for people, on one line: undecodable bytes and control characters are escaped."""
    return visible(path.decode("utf-8", "backslashreplace"))


def visible(text: str) -> str:
    """On one line, with nothing in it that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells one state of a file from the next. Times are nanoseconds since the epoch.

    ctime is part of it: size, inode and mtime can all be forged by the owner, ctime cannot. The number of the device is
    not: after a reboot, or when it is mounted again, the same disk may have another (docs/decisions/024).
    """

    dev: int = field(compare=False)
    ino: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Self:
        """The state that a stat call reports."""
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Upload:
    """A customer's file in one observed state."""

    place: Place
    customer: str
    state: FileState


POSTPONED = "opening-postponed"
"""Reason of a fault: it takes long, and as many files as may be slow at a time were so already. Tried again soon."""
OTHER_ARCHIVE = "other-archive"
"""Reason of a fault: it is, or holds, an archive that nothing here looks into. Nothing changes that."""
LEASED = "leased"
"""Reason of an UncheckedError: its owner has a write lease on it, which is being broken."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a content could not be opened.

    Its digests count all the same; without a match it is *unchecked*.
    """

    reason: str
    """Short stable code, as of an UncheckedError."""
    detail: str = ""
    """The reason in words."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one read of a file tells."""

    digests: Digests
    kind: ContentKind
    size: int
    fingerprints: tuple[Fingerprint, ...] = ()
    """Of the picture, or of several of its frames or pages; empty where nothing was opened."""
    members: tuple[Digests, ...] = ()
    """Of the pictures and videos inside an archive or document, each by its own bytes."""
    left_out: int = 0
    """Entries of an archive that are no files with something in them, such as links."""
    pixels: tuple[int, int] | None = None
    """Width and height of the picture, or of its first frame or page, as it is seen; None where none was opened."""
    fault: Fault | None = None
    """Why not everything inside could be looked at; None when it was, or when nothing had to be."""
    opened_alone: bool = field(default=False, compare=False)
    """Whoever told what is inside had opened no other file, so that no other can have made it lie."""


class PastReading(NamedTuple):
    """What an earlier read told of a file in one state."""

    state: FileState
    content: Content
