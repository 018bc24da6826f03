"""`python -m goodhoster_agent.privileged.opener CHANNEL`: serves until the doors end.

One process for each question, which becomes the user of the application that asked, for good, and opens what that user
may read. Who that is the kernel says of the connection, not the doors.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress

from goodhoster.linux.privileges import CAP_SETGID, CAP_SETUID, end_when_closed, keep_only, set_process_name
from goodhoster_agent.privileged.opener.messages import LARGEST_PACKET, NOT_A_FILE, OpenerAnswer, OpenResult, encode

_MOST_AT_ONCE = 32
_DEEPEST = 64
_CREDENTIALS = struct.Struct("3i")
_SO_PEERGROUPS = 59  # asm-generic/socket.h, Linux 4.13
_GROUPS = 1024
"""Bytes for the groups of a peer, 256 of them: Python takes no more. A process with more groups opens nothing here."""


def main(channel: socket.socket) -> None:
    """Serve until the other side closes the channel."""
    set_process_name("gh-opener")
    keep_only(frozenset({CAP_SETUID, CAP_SETGID}))
    children: set[int] = set()
    while True:
        path, fds, _, _ = socket.recv_fds(channel, LARGEST_PACKET, 2)
        if not path:
            return
        children -= {child for child in children if os.waitpid(child, os.WNOHANG)[0]}
        if len(fds) == 2 and len(children) < _MOST_AT_ONCE:  # noqa: PLR2004 - the connection, and where to answer
            child = os.fork()
            if not child:
                _answer(channel, path, fds)
            children.add(child)
        for fd in fds:
            os.close(fd)


def _answer(channel: socket.socket, path: bytes, fds: list[int]) -> None:
    """Answer one question in a process of its own, which ends here."""
    code = 1
    try:
        channel.close()
        connection, answers = socket.socket(fileno=fds[0]), socket.socket(fileno=fds[1])
        _switch_user(connection)
        connection.close()
        for found, fd in _found(path):
            socket.send_fds(answers, [encode(found)], [fd] if fd >= 0 else [])
        code = 0
    finally:
        os._exit(code)


def _switch_user(peer: socket.socket) -> None:
    """Become the user of the process at the other end, with its groups.

    Without any capability.
    """
    _, uid, gid = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    if uid != os.geteuid():
        groups = peer.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS)
        os.setgroups(struct.unpack(f"{len(groups) // 4}I", groups))
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    keep_only(frozenset())


def _found(path: bytes) -> Iterator[tuple[OpenerAnswer, int]]:
    """What is at a path, and all regular files below it.

    No link at the path or below it is followed.
    """
    yield from _look(None, path, path, _DEEPEST)
    yield OpenerAnswer(OpenResult.END), -1


def _look(directory: int | None, name: bytes, path: bytes, deep: int) -> Iterator[tuple[OpenerAnswer, int]]:
    try:
        fd, is_directory = _open(directory, name)
    except OSError as error:
        yield OpenerAnswer(OpenResult.PROBLEM, path, error.errno or NOT_A_FILE), -1
        return
    try:
        yield OpenerAnswer(OpenResult.DIRECTORY if is_directory else OpenResult.FILE, path), -1 if is_directory else fd
        if is_directory and deep:
            yield from _below(fd, path, deep)
    finally:
        os.close(fd)


def _below(directory: int, path: bytes, deep: int) -> Iterator[tuple[OpenerAnswer, int]]:
    try:
        names = _names(directory)
    except OSError as error:
        yield OpenerAnswer(OpenResult.PROBLEM, path, error.errno or NOT_A_FILE), -1
        return
    for name in names:
        yield from _look(directory, name, os.path.join(path, name), deep - 1)


def _names(directory: int) -> list[bytes]:
    """The files of a directory, then its directories, as clamd takes them.

    No links and nothing else.
    """
    with os.scandir(directory) as entries:
        taken = [each for each in entries if each.is_dir(follow_symlinks=False) or each.is_file(follow_symlinks=False)]
    taken.sort(key=lambda entry: (entry.is_dir(follow_symlinks=False), entry.inode()))
    return [os.fsencode(entry.name) for entry in taken]


def _open(directory: int | None, name: bytes) -> tuple[int, bool]:
    """Open a regular file or a directory, and nothing else: opening a device may do something."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        mode = os.fstat(handle).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(NOT_A_FILE, "neither a file nor a directory")
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), stat.S_ISDIR(mode)
    finally:
        os.close(handle)


if __name__ == "__main__":
    end_when_closed(sys.stdin.fileno())
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with suppress(ConnectionError):
        main(socket.socket(fileno=int(sys.argv[1])))
