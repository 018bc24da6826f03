"""The process that reads raw notices: `python -m goodhoster.notices.child CHANNEL`, with a pipe as standard input whose
other end its parent has.

It gives itself limits before it looks at anything: memory, files, and processor time anew for each notice. It needs no
network and no file. A frame in is a carrier, a newline and the raw notice; a frame out is the notice as JSON.
"""

from __future__ import annotations

import json
import resource
import socket
import sys
import time
from contextlib import suppress

from goodhoster import privileges
from goodhoster.model.notices import Carrier, RawNotice
from goodhoster.notices import frames
from goodhoster.notices.reading import read, unreadable
from goodhoster.notices.wire import plain

MEMORY = 512 << 20  # bytes of address space; an idle child has some 60 MiB
CPU_SECONDS = 10  # of processor time for one notice; beyond it the kernel ends the process


def main() -> None:
    """Read notices until the parent is gone, in the middle of one too."""
    privileges.end_when_closed(sys.stdin.fileno())
    _give_up_everything()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        while (frame := frames.receive(channel)) is not None:
            _allow_cpu_seconds(CPU_SECONDS)
            frames.send(channel, _read(frame))


def _give_up_everything() -> None:
    """Its parent may read every customer's files."""
    privileges.be_called("gh-reader")
    privileges.keep_only(frozenset())
    with suppress(OSError):  # without Landlock the limit of what it may write still holds
        privileges.write_only_below(())


def _allow_cpu_seconds(count: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + count, hard))


def _read(frame: bytes) -> bytes:
    carrier, _, content = frame.partition(b"\n")
    raw = RawNotice(Carrier(carrier.decode()), content)
    try:
        notice = read(raw)
    except (MemoryError, RecursionError) as error:
        notice = unreadable(f"reading it went over a limit: {type(error).__name__}", raw)
    return json.dumps(plain(notice)).encode("utf-8", "surrogatepass")


if __name__ == "__main__":
    main()
