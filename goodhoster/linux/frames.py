"""How the reading process and its parent talk: frames of a length and that many bytes over one stream socket."""

from __future__ import annotations

import socket
import struct

_LENGTH = struct.Struct(">I")
LARGEST_FRAME = 64 << 20  # bytes


def send(channel: socket.socket, content: bytes) -> None:
    """One frame; TimeoutError when the other side does not take it in the socket's time."""
    channel.sendall(_LENGTH.pack(len(content)) + content)


def receive(channel: socket.socket) -> bytes | None:
    """One frame, or None when the other side is gone. ValueError when it announces more than a frame may hold."""
    head = _exactly(channel, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > LARGEST_FRAME:
        raise ValueError(f"a frame of {length} bytes")
    return _exactly(channel, length)


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    content = bytearray()
    while len(content) < count:
        piece = channel.recv(min(count - len(content), 1 << 20))
        if not piece:
            return None
        content += piece
    return bytes(content)
