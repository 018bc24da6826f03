"""Files that a peer at a Unix socket names: opened only where the peer itself may read them."""

from __future__ import annotations

import os
import socket
import struct
from stat import S_IROTH, S_ISREG, S_IXOTH
from typing import NamedTuple, Self

from goodhoster.errors import RefusedError

_CREDENTIALS = struct.Struct("iII")
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class SocketPeer(NamedTuple):
    """Who is at the other end of a Unix socket, as the kernel says."""

    pid: int
    uid: int
    gid: int

    @classmethod
    def of(cls, connected: socket.socket) -> Self:
        """The peer of a connection."""
        return cls(*_CREDENTIALS.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)))

    def __str__(self) -> str:
        """As the audit log names it."""
        return f"uid {self.uid}"


def open_for(peer: SocketPeer, path: bytes) -> int:
    """Open a regular file that the peer may read; the descriptor is the caller's.

    Each directory is opened below the one before, no link is followed, and the rights are those of what was opened:
    nothing can be put in its place between. RefusedError for all else, without telling what is there.
    """
    if not path.startswith(b"/") or b"\0" in path:
        raise RefusedError("the path must begin with /", hint="better: pass a descriptor")
    *directories, name = [part for part in path.split(b"/") if part] or [b"."]
    if b".." in (*directories, name):
        raise RefusedError("the path must have no .. in it")
    at = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for directory in directories:
            _expect_right(peer, at, S_IXOTH)
            below = os.open(directory, os.O_PATH | os.O_DIRECTORY | _FLAGS, dir_fd=at)
            os.close(at)
            at = below
        _expect_right(peer, at, S_IXOTH)
        return _open_file(peer, at, name)
    except OSError as error:
        raise RefusedError("there is no regular file at that path that you may read without following links") from error
    finally:
        os.close(at)


def _open_file(peer: SocketPeer, directory: int, name: bytes) -> int:
    file = os.open(name, os.O_RDONLY | _FLAGS, dir_fd=directory)
    try:
        if not S_ISREG(os.fstat(file).st_mode):
            raise PermissionError
        _expect_right(peer, file, S_IROTH)
    except BaseException:
        os.close(file)
        raise
    return file


def _expect_right(peer: SocketPeer, fd: int, right: int) -> None:
    """Raise PermissionError where a file's or directory's mode does not give a right.

    Groups beside the peer's own are not known here, and count as none.
    """
    status = os.fstat(fd)
    shift = 6 if status.st_uid == peer.uid else 3 if status.st_gid == peer.gid else 0
    if peer.uid != 0 and not status.st_mode >> shift & right:
        raise PermissionError
