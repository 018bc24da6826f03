"""The doors' side of the opener."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from typing import NamedTuple

from goodhoster.linux.child_process import StartedHere
from goodhoster_agent.privileged.opener.messages import LARGEST_PACKET, OpenerAnswer, OpenResult, decode

_MODULE = "goodhoster_agent.privileged.opener"
_BUFFER_BYTES = 4096
"""Bytes of answers under way: each may carry an open file."""


class OpenedPath(NamedTuple):
    """What was found at a path; the descriptor is the receiver's, -1 for none."""

    found: OpenerAnswer
    fd: int


class Opener:
    """Asks the opener. Threads may share it."""

    def __init__(self) -> None:
        """Start the process; to be called while this one still has its privileges."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = StartedHere(theirs, _MODULE)
        self._lock = threading.Lock()

    def open(self, peer: socket.socket, path: bytes, seconds: float) -> Iterator[OpenedPath]:
        """What is at a path, and all regular files below it, as `peer` may read them.

        That is the process at the other end of the connection. Ends after END. OSError when the opener is gone,
        refuses, or says nothing for so long.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs, self._lock:
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
                socket.send_fds(self._channel, [path], [peer.fileno(), theirs.fileno()])
            ours.settimeout(seconds)
            while (opened := _next(ours)).found.finding is not OpenResult.END:
                yield opened

    def close(self) -> None:
        """End the process. May be called twice."""
        self._channel.close()
        self._process.end()


def _next(answers: socket.socket) -> OpenedPath:
    packet, fds, _, _ = socket.recv_fds(answers, LARGEST_PACKET, 1)
    if not packet:
        raise PermissionError(errno.EACCES, "Permission denied")
    return OpenedPath(decode(packet), fds[0] if fds else -1)
