"""What the pool and a worker say to each other: a descriptor goes one way, lines of JSON come back.

First the exact digests, before anything is opened; then what is inside. A worker that dies in between has told the
digests already.
"""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import Any

from goodhoster.errors import UncheckedError
from goodhoster.model.digests import Digests
from goodhoster.model.fingerprints import Fingerprint
from goodhoster.model.uploads import Content, Fault
from goodhoster.model.verdicts import Kind

_LONGEST = 1 << 20
_MEMBER = 200


def longest(members: int) -> int:
    """Bytes of one line at most, where so many members may be told; a worker that says more is not one of ours."""
    return _LONGEST + members * _MEMBER


_WORDS = 300
"""Characters of what a worker says in words."""


def send_file(channel: socket.socket, fd: int) -> None:
    """To a worker: read this."""
    socket.send_fds(channel, [b"f"], [fd])


def receive_file(channel: socket.socket) -> int | None:
    """The next file to read, now the receiver's own; None when the pool is gone."""
    data, fds, _, _ = socket.recv_fds(channel, 1, 1)
    return fds[0] if data and fds else None


def line(value: Any) -> bytes:  # noqa: ANN401 - what JSON can say
    """One message."""
    return json.dumps(value).encode() + b"\n"


def read_line(text: bytes) -> Any:  # noqa: ANN401 - the same
    """One message. ValueError for anything that is no whole one."""
    if not text.endswith(b"\n"):
        msg = "half a message"
        raise ValueError(msg)
    return json.loads(text)


def encode_digests(content: Content) -> bytes:
    """A worker's first answer."""
    digests = content.digests
    return line([[digests.md5.hex(), digests.sha1.hex(), digests.sha256.hex()], content.kind, content.size])


def encode_unread(error: UncheckedError) -> bytes:
    """A worker's only answer when the digests could not be taken."""
    return line([error.reason, str(error)])


def decode_digests(text: bytes) -> Content:
    """What `encode_digests` told. Raises what `encode_unread` told, ValueError for anything else."""
    try:
        first, *rest = read_line(text)
        if isinstance(first, str):
            raise UncheckedError(_words(rest[0]), reason=_words(first))
        return Content(Digests(*map(bytes.fromhex, first)), Kind(rest[0]), int(rest[1]))
    except (TypeError, IndexError) as error:
        raise ValueError(text[:80]) from error


def encode_inside(content: Content) -> bytes:
    """A worker's second answer."""
    fault = content.fault
    return line(
        {
            "fingerprints": [str(fingerprint) for fingerprint in content.fingerprints],
            "pixels": content.pixels,
            "members": [[each.md5.hex(), each.sha1.hex(), each.sha256.hex()] for each in content.members],
            "left_out": content.left_out,
            "fault": None if fault is None else [fault.reason, fault.detail],
        }
    )


def decode_inside(text: bytes, content: Content) -> Content:
    """The content with what `encode_inside` told. ValueError for anything else."""
    try:
        told = read_line(text)
        return replace(
            content,
            fingerprints=tuple(map(Fingerprint.parse, told["fingerprints"])),
            pixels=_decode_size(told["pixels"]),
            members=tuple(Digests(*map(bytes.fromhex, member)) for member in told["members"]),
            left_out=int(told["left_out"]),
            fault=None if told["fault"] is None else Fault(*map(_words, told["fault"])),
        )
    except (TypeError, KeyError) as error:
        raise ValueError(text[:80]) from error


def _words(told: Any) -> str:  # noqa: ANN401 - as in `line`
    """On one line, without orders to a terminal: they may be those of whoever made the file."""
    printable = "".join(c if c.isprintable() else " " for c in str(told))
    return " ".join(printable.split())[:_WORDS]


def _decode_size(told: Any) -> tuple[int, int] | None:  # noqa: ANN401 - as in `line`
    if told is None:
        return None
    width, height = map(int, told)
    return width, height
