"""Read and give back everything a file has beside its bytes."""

from __future__ import annotations

import contextlib
import errno
import os

from goodhoster import kernel
from goodhoster.model.quarantine import Metadata

_KEPT_MODE = 0o1777
"""Setuid and setgid are dropped (promise G4): what was known material has no business with them."""
_PRIVILEGE = "security.capability"
"""Dropped for the same reason."""


def read_metadata(fd: int) -> Metadata:
    """The metadata of an open file."""
    stat = os.fstat(fd)
    return Metadata(
        uid=stat.st_uid,
        gid=stat.st_gid,
        mode=stat.st_mode & _KEPT_MODE,
        atime_ns=stat.st_atime_ns,
        mtime_ns=stat.st_mtime_ns,
        xattrs=_xattrs(fd),
        flags=kernel.inode_flags(fd) or 0,
    )


def write_metadata(fd: int, wanted: Metadata) -> None:
    """Give an open file these metadata; OSError when one cannot be given. Times last: every other change moves ctime
    only, a later write would move them.
    """
    if (os.fstat(fd).st_uid, os.fstat(fd).st_gid) != (wanted.uid, wanted.gid):
        os.fchown(fd, wanted.uid, wanted.gid)
    os.fchmod(fd, wanted.mode)
    _write_xattrs(fd, dict(wanted.xattrs))
    os.utime(fd, ns=(wanted.atime_ns, wanted.mtime_ns))


def _write_xattrs(fd: int, wanted: dict[str, bytes]) -> None:
    present = dict(_xattrs(fd))
    for name in present.keys() - wanted.keys():
        os.removexattr(fd, name)
    for name, value in wanted.items():
        if present.get(name) != value:
            os.setxattr(fd, name, value)


def _xattrs(fd: int) -> tuple[tuple[str, bytes], ...]:
    try:
        names = sorted(set(os.listxattr(fd)) - {_PRIVILEGE})
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return ()
        raise
    found = []
    for name in names:
        with contextlib.suppress(PermissionError):  # trusted.* without CAP_SYS_ADMIN: stays on the inode untouched
            found.append((name, os.getxattr(fd, name)))
    return tuple(found)
