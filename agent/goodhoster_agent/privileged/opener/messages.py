"""Messages between the doors and the opener, each one packet of a SOCK_SEQPACKET socket.

To the opener: a path, with the connection of whoever named it and the socket for the answers. Back: what was found.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

LARGEST_PACKET = 1 << 14
"""Bytes of one packet: a path below a directory may be longer than PATH_MAX."""


class OpenResult(Enum):
    """What the opener says about a path."""

    FILE = b"f"
    """A regular file, whose descriptor comes with it."""
    DIRECTORY = b"d"
    """A directory: what is below it follows."""
    PROBLEM = b"p"
    """It could not be opened; the error number comes with it."""
    END = b"e"


NOT_A_FILE = 0
"""As the error number of what is neither a file nor a directory."""


class OpenerAnswer(NamedTuple):
    """One answer of the opener."""

    finding: OpenResult
    path: bytes = b""
    error: int = 0


def encode(found: OpenerAnswer) -> bytes:
    """An answer as the content of a packet."""
    return found.finding.value + b"%d " % found.error + found.path


def decode(packet: bytes) -> OpenerAnswer:
    """The answer in a packet; ValueError for what is none."""
    error, _, path = packet[1:].partition(b" ")
    return OpenerAnswer(OpenResult(packet[:1]), path, int(error))
