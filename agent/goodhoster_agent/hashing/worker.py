"""One sandboxed process: takes a descriptor, opens what it holds, tells what is inside.

Started as `python -m goodhoster_agent.hashing.worker CHANNEL LIMITS` with a pipe as standard input, and ended at once,
whatever it is at, when that is closed by the death of whoever started it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import TYPE_CHECKING

from goodhoster.checking.hasher import looked_into, preload
from goodhoster.linux import frames
from goodhoster.linux.privileges import end_when_closed, set_process_name
from goodhoster.linux.sandbox import enter_sandbox
from goodhoster.model.limits import ReadingLimits
from goodhoster_agent.hashing import messages

if TYPE_CHECKING:  # see `_library`
    from goodhoster.ports import LicensedFingerprinter


def main(channel: socket.socket, limits: ReadingLimits, *, confined: bool = True) -> None:
    """Serve until the pool closes its end.

    `confined=False` is for comparing results with those of the sandbox.
    """
    preload()
    library = _library(limits.photodna) if limits.photodna else None
    missing = enter_sandbox(limits.memory) if confined else ["everything"]
    set_process_name("gh-hasher")  # not before: `doctor` expects a process of that name to have nothing
    frames.send_value(channel, missing)
    while (received := frames.receive_file(channel)) is not None:
        order, fd = received
        try:
            frames.send(channel, messages.encode_inside(looked_into(fd, messages.decode_order(order), limits, library)))
        finally:
            os.close(fd)


def _library(name: str) -> LicensedFingerprinter:
    # Not at the top: hardly anybody has one, and looking for it takes a third of what this process carries.
    from goodhoster.checking.licensed_libraries import library_named  # noqa: PLC0415

    return library_named(name)


if __name__ == "__main__":
    end_when_closed(sys.stdin.fileno())
    main(socket.socket(fileno=int(sys.argv[1])), ReadingLimits(**json.loads(sys.argv[2])))
