"""Confinement of a process that handles hostile bytes: privileges, files, memory, CPU time.

The process gives them up before it looks at any of these bytes.
"""

from __future__ import annotations

import resource
import sys
import time
from contextlib import suppress

from goodhoster.linux import privileges


def confine(name: str, memory: int, written: int = 0) -> None:
    """Confine this process, and whatever it starts, to the little that it needs.

    It has no capability, writes nowhere on disk, and has at most that many bytes of address space; `written` is the
    most it may write to a file without a name. Its parent may read every customer's files. It ends when the pipe
    that is its standard input is closed: with its parent, also in the middle of its work.
    """
    privileges.end_when_closed(sys.stdin.fileno())
    privileges.set_process_name(name)
    privileges.keep_only(frozenset())
    with suppress(OSError):  # without Landlock the limit of what it may write still holds
        privileges.write_only_below(())
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow_cpu_seconds(count: int) -> None:
    """Limit the CPU time from now on; beyond it the kernel ends the process."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + count, hard))
