"""Read and give back what locking a file changes beside its name."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from goodhoster.linux import kernel
from goodhoster.model.quarantine import Metadata

_KEPT_MODE = 0o1777
"""Setuid and setgid are dropped (promise G4): what was known material has no business with them. File capabilities go
the same way: the kernel removes them when the owner changes.
"""
_ACL = "system.posix_acl_access"
GUARDS = kernel.FS_IMMUTABLE_FL | kernel.FS_APPEND_FL
"""Flags that forbid a rename, to root too."""


def read_metadata(fd: int) -> Metadata:
    """The metadata of an open file."""
    stat = os.fstat(fd)
    return Metadata(
        uid=stat.st_uid,
        gid=stat.st_gid,
        mode=stat.st_mode & _KEPT_MODE,
        atime_ns=stat.st_atime_ns,
        mtime_ns=stat.st_mtime_ns,
        acl=_read_acl(fd),
        flags=(kernel.inode_flags(fd) or 0) & GUARDS,
    )


def write_metadata(fd: int, wanted: Metadata) -> None:
    """Give an open file these metadata, except for the flags.

    OSError when one cannot be given. Times last: every other change moves ctime only.
    """
    found = os.fstat(fd)
    if (found.st_uid, found.st_gid) != (wanted.uid, wanted.gid):
        os.fchown(fd, wanted.uid, wanted.gid)
    os.fchmod(fd, wanted.mode)
    if _read_acl(fd) != wanted.acl:
        _write_acl(fd, wanted.acl)
    os.utime(fd, ns=(wanted.atime_ns, wanted.mtime_ns))


def set_guards(fd: int, guards: int) -> None:
    """Set exactly these of the flags that forbid a rename; other flags stay.

    PermissionError without the capability.
    """
    flags = kernel.inode_flags(fd)
    if flags is not None and flags & GUARDS != guards:
        kernel.set_inode_flags(fd, flags & ~GUARDS | guards)


def try_guard(fd: int) -> None:
    """Make an open file of ours immutable where this file system and these privileges permit it."""
    with suppress(OSError):
        set_guards(fd, kernel.FS_IMMUTABLE_FL)


@contextmanager
def without_guards(fd: int) -> Iterator[None]:
    """Lift what forbids every rename in an open directory, for as long as that takes."""
    guards = (kernel.inode_flags(fd) or 0) & GUARDS
    set_guards(fd, 0)
    try:
        yield
    finally:
        if guards:
            set_guards(fd, guards)


def _read_acl(fd: int) -> bytes:
    try:
        return os.getxattr(fd, _ACL)
    except OSError as error:
        if error.errno in {errno.ENODATA, errno.EOPNOTSUPP}:
            return b""
        raise


def _write_acl(fd: int, acl: bytes) -> None:
    if acl:
        os.setxattr(fd, _ACL, acl)
    else:
        os.removexattr(fd, _ACL)
