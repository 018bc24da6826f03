"""What a file was like before it was taken offline, and where it is then."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from enum import StrEnum

from goodhoster.model.uploads import Place, Upload

OWN_DIRECTORIES = (b".goodhoster", b".goodhoster-2", b".goodhoster-3", b".goodhoster-4")
"""Where the quarantine lies on a file system: the first of these names that is ours, or free. A customer may own the
directory around it, and have made something of the first name.
"""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata that locking a file changes and `restore` gives back.

    Everything else (other extended attributes, other flags) stays on the inode untouched. Times are nanoseconds;
    setuid and setgid are not kept.
    """

    uid: int
    gid: int
    mode: int
    atime_ns: int
    mtime_ns: int
    acl: bytes
    """The POSIX access ACL as the kernel stores it; empty when the mode says it all."""
    flags: int
    """Which of immutable and append-only (chattr) were set; 0 where the file system has neither."""


@dataclass(frozen=True, slots=True)
class Label:
    """The label written beside a file in quarantine before the move.

    Enough to put the file back without any other record.
    """

    case_id: str
    place: Place
    customer: str
    ino: int
    """Device numbers are not kept: they may change with a restart, and the label lies on that very file system."""
    parent: bytes
    """Which directory it was taken from, by identity: see `evidence.quarantine.directory_access.identity`."""
    size: int
    sha256: bytes
    """Of the content that was checked."""
    metadata: Metadata
    parent_flags: int = 0
    """Which of immutable and append-only that directory had: they forbid every rename, and are lifted for ours."""


@dataclass(frozen=True, slots=True)
class QuarantineRequest:
    """A file that is to be taken offline, and the case that asks for it."""

    case_id: str
    upload: Upload
    sha256: bytes
    """Of the content that was checked."""


def is_locked(found: os.stat_result) -> bool:
    """Whether the file was locked: only root gives a file to root with no right for anybody."""
    return found.st_uid == 0 and not stat.S_IMODE(found.st_mode)


class Whereabouts(StrEnum):
    """Where the file of a case is."""

    QUARANTINE = "quarantine"
    ELSEWHERE = "elsewhere"
    """Not in quarantine: still in its place, back in it, or deleted by its owner."""
