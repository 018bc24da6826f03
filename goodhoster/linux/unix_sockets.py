"""Files of Unix sockets: which groups may connect, and one that an ended process left."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from collections.abc import Iterable

_NAME = "system.posix_acl_access"
_VERSION = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")  # tag, rights, id (linux/posix_acl_xattr.h)
_USER, _GROUP_OF_FILE, _GROUP, _MASK, _OTHERS = 0x01, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_READ_AND_WRITE = 6


def permit_groups(socket_file: str, gids: Iterable[int]) -> None:
    """Let the owner and members of these groups connect, and nobody else but root.

    OSError where the file system keeps no access lists.
    """
    groups = [(_GROUP, _READ_AND_WRITE, gid) for gid in sorted(set(gids))]
    entries = [
        (_USER, _READ_AND_WRITE, _NO_ID),
        (_GROUP_OF_FILE, 0, _NO_ID),
        *groups,
        (_MASK, _READ_AND_WRITE, _NO_ID),
        (_OTHERS, 0, _NO_ID),
    ]
    packed = b"".join(_ENTRY.pack(*entry) for entry in entries)
    os.setxattr(socket_file, _NAME, _VERSION.pack(2) + packed, follow_symlinks=False)


def remove_stale_socket(file: str | os.PathLike[str]) -> None:
    """Remove the socket of a process that has ended, so that another may listen there.

    OSError with EADDRINUSE while one listens, FileExistsError where it is no socket.
    """
    try:
        if not stat.S_ISSOCK(os.lstat(file).st_mode):
            raise FileExistsError(errno.EEXIST, "there is something that is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as trial:
        try:
            trial.connect(os.fspath(file))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            os.unlink(file)
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
