"""The wire format between our processes: a length and that many bytes, over a stream socket.

A value travels as JSON in a frame, an open file beside one. A child that was taken over may send anything: readers are
bounded.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import Any

_LENGTH = struct.Struct(">I")
LARGEST_FRAME = 64 << 20  # bytes


def send(channel: socket.socket, content: bytes, file: int | None = None) -> None:
    """Send one frame, and an open file with it.

    TimeoutError when the other side does not take it in the socket's time.
    """
    frame = _LENGTH.pack(len(content)) + content
    sent = socket.send_fds(channel, [frame], [file]) if file is not None else 0
    channel.sendall(frame[sent:])


def receive(channel: socket.socket) -> bytes | None:
    """Receive one frame, or None when the other side is gone.

    ValueError when it announces more than a frame may hold.
    """
    head = _exactly(channel, _LENGTH.size)
    return None if head is None else _exactly(channel, _length(head, LARGEST_FRAME))


def receive_file(channel: socket.socket) -> tuple[bytes, int] | None:
    """One frame and the open file that came with it, now the receiver's own.

    None when the other side is gone.
    """
    head, files, _, _ = socket.recv_fds(channel, _LENGTH.size, 1)
    if not files:
        return None
    head += _exactly(channel, _LENGTH.size - len(head)) or b""
    content = _exactly(channel, _length(head, LARGEST_FRAME)) if len(head) == _LENGTH.size else None
    if content is None:
        os.close(files[0])
        return None
    return content, files[0]


def send_value(channel: socket.socket, value: Any) -> None:  # noqa: ANN401 - what JSON can say
    """Send one value."""
    send(channel, encode(value))


def receive_value(channel: socket.socket) -> Any:  # noqa: ANN401 - the same
    """Receive one value.

    ConnectionResetError when the other side is gone, ValueError when it is none.
    """
    return decode(receive_content(channel))


def receive_content(channel: socket.socket) -> bytes:
    """Receive one frame. ConnectionResetError when the other side is gone."""
    frame = receive(channel)
    if frame is None:
        raise ConnectionResetError("the other side is gone")
    return frame


def encode(value: Any) -> bytes:  # noqa: ANN401 - what JSON can say
    """A value as the content of a frame."""
    return json.dumps(value).encode()


def decode(content: bytes) -> Any:  # noqa: ANN401 - the same
    """The value in a frame. ValueError when there is none."""
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("a value in a value without end") from error


class Unframer:
    """A buffer that takes received pieces and returns them frame by frame."""

    def __init__(self, largest: int = LARGEST_FRAME) -> None:
        self._largest = largest
        self._received = bytearray()

    def add(self, piece: bytes) -> None:
        """Add the next piece."""
        self._received += piece

    def take(self) -> bytes | None:
        """The next complete frame, or None.

        ValueError when more is announced than a frame may hold.
        """
        if len(self._received) < _LENGTH.size:
            return None
        end = _LENGTH.size + _length(self._received, self._largest)
        if len(self._received) < end:
            return None
        frame = bytes(self._received[_LENGTH.size : end])
        del self._received[:end]
        return frame


def _length(head: bytes | bytearray, largest: int) -> int:
    (length,) = _LENGTH.unpack_from(head)
    if length > largest:
        raise ValueError(f"a frame of {length} bytes")
    return int(length)


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    content = bytearray()
    while len(content) < count:
        piece = channel.recv(min(count - len(content), 1 << 20))
        if not piece:
            return None
        content += piece
    return bytes(content)
