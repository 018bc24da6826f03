"""File systems that are mounted below the watched trees, now and later."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Sequence

from goodhoster.linux.kernel import Mount, mounts

_TABLE = "/proc/self/mountinfo"

_WITHOUT_FILES = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs",
    "tracefs",
})  # fmt: skip


def holds_files(mount: Mount) -> bool:
    """Can customers' files lie there? Not in the kernel's own file systems, where reading may have effects."""
    return mount.kind not in _WITHOUT_FILES


def mounts_below(trees: Sequence[bytes]) -> frozenset[Mount]:
    """What is mounted below these trees now; on one place, only the last counts."""
    by_point = {mount.point: mount for mount in mounts()}
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
