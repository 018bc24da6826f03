"""Who is at the other end of a connection."""

from __future__ import annotations

import pwd
import socket
import struct
from dataclasses import dataclass
from functools import lru_cache

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group of a peer (SO_PEERCRED, unix(7))."""


@dataclass(frozen=True, slots=True)
class ClamdPeer:
    """The process or address at the other end."""

    name: str
    """For the audit log."""
    account: str = ""
    """The account's name, or its number where it has none; empty for a connection by TCP."""


def peer_of(connection: socket.socket) -> ClamdPeer:
    """The peer, as the kernel tells it."""
    if connection.family != socket.AF_UNIX:
        return ClamdPeer(str(connection.getpeername()[0]))
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(packed)
    return _account(uid)


@lru_cache(maxsize=1024)
def _account(uid: int) -> ClamdPeer:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return ClamdPeer(f"uid {uid} ({name})", name)
