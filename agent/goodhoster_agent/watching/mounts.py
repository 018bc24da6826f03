"""File systems that are mounted below the watched trees, now and later."""

from __future__ import annotations

import os
import re
import select
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_TABLE = "/proc/self/mountinfo"

_WITHOUT_FILES = frozenset(
    b"autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nsfs"
    b" proc pstore rpc_pipefs securityfs selinuxfs sysfs tracefs".split()
)
"""The kernel's own file systems: nobody uploads there, and reading some of their files has effects."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of the table (proc_pid_mountinfo(5))."""

    number: int
    """The same place mounted anew has another."""
    point: bytes
    kind: bytes

    @property
    def has_files(self) -> bool:
        """Can customers' files lie there?"""
        return self.kind not in _WITHOUT_FILES


def parse(table: bytes) -> list[Mount]:
    """The lines of the table."""
    return [_mount(line) for line in table.splitlines()]


def mounts_below(trees: Sequence[bytes]) -> frozenset[Mount]:
    """What is mounted below these trees now; on one place, only the last counts."""
    with open(_TABLE, "rb") as table:
        by_point = {mount.point: mount for mount in parse(table.read())}
    tops = tuple(tree.rstrip(b"/") + b"/" for tree in trees)
    return frozenset(mount for mount in by_point.values() if mount.point.startswith(tops))


class MountWatch:
    """A thread that waits for the table to change."""

    def __init__(self, trees: Sequence[bytes], mounted: Callable[[Mount], None]) -> None:
        self._trees = tuple(trees)
        self._mounted = mounted
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._watch, name="mounts", daemon=True)

    def start(self) -> None:
        """Tell of what is mounted, then of what comes."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        os.eventfd_write(self._stop, 1)
        if self._thread.ident is not None:
            self._thread.join()
        os.close(self._stop)

    def _watch(self) -> None:
        with open(_TABLE, "rb") as table:
            poll = select.poll()
            poll.register(table, select.POLLPRI)
            poll.register(self._stop, select.POLLIN)
            known: frozenset[Mount] = frozenset()
            ready: set[int] = set()
            while self._stop not in ready:
                present = mounts_below(self._trees)
                for mount in present - known:
                    self._mounted(mount)
                known = present
                ready = {fd for fd, _ in poll.poll()}


def _mount(line: bytes) -> Mount:
    place, _, system = line.partition(b" - ")
    number, _, _, _, point, *_ = place.split(b" ")
    return Mount(int(number), _unescape(point), system.split(b" ")[0])


def _unescape(path: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), path)
