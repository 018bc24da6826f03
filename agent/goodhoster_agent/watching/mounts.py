"""File systems that are mounted below the watched trees, or carry one: now and later."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from goodhoster.linux.mount_table import Mount, MountTable, mount_table

_TABLE = "/proc/self/mountinfo"
_SETTLE = 0.05
"""Seconds. Thousands are mounted one after the other: the table is not read again for each."""

_WITHOUT_FILES = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs",
    "tracefs",
})  # fmt: skip


def holds_files(mount: Mount) -> bool:
    """Whether customers' files can lie on a file system.

    They cannot in the kernel's own file systems, where reading may have effects.
    """
    return mount.kind not in _WITHOUT_FILES


@lru_cache(maxsize=64)
def points_without_files(table: MountTable, tree: bytes) -> frozenset[bytes]:
    """Mount points of the kernel's own file systems below a tree."""
    return frozenset(mount.point for mount in mounts_of([tree], table) if not holds_files(mount))


def mounts_of(trees: Sequence[bytes], table: MountTable | None = None) -> frozenset[Mount]:
    """Mounts below these trees, and those that the trees lie on.

    On one place, only the last counts.
    """
    table = table or mount_table()
    by_point = {mount.point: mount for mount in table.mounts}
    prefixes = tuple(tree.rstrip(b"/") + b"/" for tree in trees)
    below = {mount for mount in by_point.values() if mount.point.startswith(prefixes)}
    return frozenset(below | {mount for tree in trees if (mount := table.carrying(tree))})


class MountWatch:
    """Watch of what is mounted and unmounted: a thread that waits for the table to change."""

    def __init__(
        self,
        trees: Sequence[bytes],
        mounted: Callable[[Mount], None],
        unmounted: Callable[[Mount], None],
        lost: Callable[[frozenset[Mount]], Iterable[Mount]] = lambda _: (),
    ) -> None:
        self._trees = tuple(trees)
        self._mounted = mounted
        self._unmounted = unmounted
        self._lost = lost
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._watch, name="mounts", daemon=True)
        self.known: frozenset[Mount] = frozenset()
        """What is mounted, as far as it was told."""

    def start(self) -> None:
        """Report what is mounted and unmounted after `known`."""
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """Stop; a file system that does not answer is not waited for."""
        os.eventfd_write(self._stop, 1)
        if self._thread.ident is not None:
            self._thread.join(seconds)
        if not self._thread.is_alive():
            os.close(self._stop)

    def _watch(self) -> None:
        with open(_TABLE, "rb") as table:
            poll, end = select.poll(), select.poll()
            poll.register(table, select.POLLPRI)
            for each in (poll, end):
                each.register(self._stop, select.POLLIN)
            ready: set[int] = set()
            while self._stop not in ready:
                present = mounts_of(self._trees)
                gone, new = self.known - present, present - self.known
                self.known = present
                for mount in gone:
                    self._unmounted(mount)
                for mount in new:
                    self._mounted(mount)
                for mount in self._lost(present):
                    self._mounted(mount)
                ready = {fd for fd, _ in poll.poll()}
                ready |= {fd for fd, _ in end.poll(1000 * _SETTLE)}
