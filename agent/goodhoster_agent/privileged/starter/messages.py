"""The messages between the daemon and the starter.

An order is a message with its verb and open files, of which the first is a socket of its own for this order: arguments
go there, answers come from there, and when either side ends the other one sees it.
"""

from __future__ import annotations

import os
import socket
from enum import StrEnum

_LONGEST_VERB = 16
_MOST_FILES = 3


class StarterOrder(StrEnum):
    """The orders that the starter takes from the daemon."""

    HASHER = "hasher"
    """Start one at the other end of the file; it is ended when the order's socket is closed."""
    GROUP = "group"
    """Make a group of fanotify, and hand it over."""
    MARK = "mark"
    """Mark the file system of a directory in a group."""
    RUN = "run"
    """Run a command of the configuration's."""


def send_order(starter: socket.socket, verb: StarterOrder, files: tuple[int, ...] = ()) -> socket.socket:
    """Send an order; returns our end of the order's socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(starter, [verb.encode()], [theirs.fileno(), *files])
    return ours


def receive_order(daemon: socket.socket) -> tuple[StarterOrder, socket.socket, tuple[int, ...]] | None:
    """The next order with its socket and its files, now the receiver's own.

    None when the daemon is gone. ValueError for a message that is no order.
    """
    verb, files, _, _ = socket.recv_fds(daemon, _LONGEST_VERB, _MOST_FILES)
    if not verb:
        return None
    try:
        return StarterOrder(verb.decode("ascii")), socket.socket(fileno=files[0]), tuple(files[1:])
    except (ValueError, IndexError, OSError) as error:
        for file in files:
            os.close(file)
        raise ValueError("a message that is not an order") from error
