"""What a file was like before it was taken offline, and where it is then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from goodhoster.model.uploads import Place


@dataclass(frozen=True, slots=True)
class Metadata:
    """Everything `restore` gives back beside the bytes. Times are nanoseconds; setuid and setgid are not kept."""

    uid: int
    gid: int
    mode: int
    atime_ns: int
    mtime_ns: int
    xattrs: tuple[tuple[str, bytes], ...]
    """Extended attributes including POSIX ACLs, sorted by name."""
    flags: int
    """Inode flags (chattr) as FS_IOC_GETFLAGS gives them; 0 where the file system has none."""


@dataclass(frozen=True, slots=True)
class Label:
    """Written beside the file in quarantine before it is moved: enough to put it back without any other record."""

    case_id: str
    place: Place
    customer: str
    dev: int
    ino: int
    parent_ino: int
    size: int
    sha256: bytes
    """Of the content that was checked, lower-case hexadecimal on disk."""
    metadata: Metadata


class Whereabouts(StrEnum):
    """Where the file of a case is."""

    QUARANTINE = "quarantine"
    ELSEWHERE = "elsewhere"
    """Not in quarantine: still in its place, back in it, or deleted by its owner."""
