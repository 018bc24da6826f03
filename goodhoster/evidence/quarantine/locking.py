"""Lock a file, whatever other names and open descriptors lead to it; and the inverse."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal

from goodhoster.evidence.quarantine.metadata import read_metadata, set_guards, write_metadata
from goodhoster.linux import kernel
from goodhoster.model.quarantine import Metadata

_NOT_HERE = frozenset({errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL})


def lock(file: int) -> str:
    """Make a file root's, mode 000 and immutable; may be called twice.

    Returns what could not be done here, in words, or "".
    """
    flags = kernel.inode_flags(file) or 0
    if not flags & kernel.FS_IMMUTABLE_FL:
        missing = [*_take_ownership(file), *_make_immutable(file), *_writer(file)]
        os.fsync(file)
        return "not locked: " + ", ".join(missing) if missing else ""
    return ""


def unlock(file: int, wanted: Metadata) -> None:
    """Give a file back to its owner, except for the flags that forbid a rename.

    `set_guards` comes after that. OSError when something could not be given back or does not read back so.
    """
    set_guards(file, 0)
    write_metadata(file, wanted)
    os.fsync(file)
    found = read_metadata(file)
    if (found.uid, found.gid, found.mode, found.acl) != (wanted.uid, wanted.gid, wanted.mode, wanted.acl):
        raise OSError(errno.EIO, "owner, mode or ACL do not read back as they were written")
    if (found.atime_ns, found.mtime_ns) != (wanted.atime_ns, wanted.mtime_ns):
        raise OSError(errno.EIO, "the times do not read back as they were written")


def has_bytes(file: int, sha256: bytes) -> bool:
    """Whether this is the content of the open file; it is read from its start."""
    with open(os.dup(file), "rb") as again:
        again.seek(0)
        return hashlib.file_digest(again, "sha256").digest() == sha256


def _take_ownership(file: int) -> list[str]:
    missing = []
    if os.geteuid() != 0:
        missing.append("the owner (not running as root)")
    else:
        try:
            os.fchown(file, 0, 0)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            missing.append(f"the owner ({error.strerror})")
    os.fchmod(file, 0)
    return missing


def _make_immutable(file: int) -> list[str]:
    try:
        set_guards(file, kernel.FS_IMMUTABLE_FL)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
        return [f"immutability ({error.strerror})"]
    return ["immutability (not on this file system)"] if kernel.inode_flags(file) is None else []


def _writer(file: int) -> list[str]:
    """A warning if another process holds the file open for writing.

    Only ext4 stops those who had the file open for writing before it became immutable. A lease cannot be had while
    there are any (fcntl(2)); should one come in between, its signal is ignored.
    """
    try:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return ["a program still holds it open for writing"] if error.errno == errno.EAGAIN else []
    return []
