"""The process that reads raw notices.

`python -m goodhoster.notices.reading.child CHANNEL`, with a pipe as standard input whose other end its parent has.

It gives itself limits before it looks at anything: memory, files, and processor time anew for each notice. It needs no
network and no file. A frame in is a carrier, a newline and the raw notice; a frame out is the notice as JSON.
"""

from __future__ import annotations

import json
import socket
import sys

from goodhoster.linux import frames
from goodhoster.linux.confinement import allow_cpu_seconds, confine
from goodhoster.model.notices import Carrier, RawNotice
from goodhoster.notices.reading.encoding import plain
from goodhoster.notices.reading.reader import read, unreadable

MEMORY = 512 << 20  # bytes of address space; an idle child has some 60 MiB
CPU_SECONDS = 10  # of processor time for one notice; beyond it the kernel ends the process


def main() -> None:
    """Read notices until the parent is gone, in the middle of one too."""
    confine("gh-reader", MEMORY)
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        while (frame := frames.receive(channel)) is not None:
            allow_cpu_seconds(CPU_SECONDS)
            frames.send(channel, _read(frame))


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
