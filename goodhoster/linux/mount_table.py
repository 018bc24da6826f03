"""The kernel's mount table, read again only when it has changed.

A server with thousands of mounts has a table of a megabyte: a caller that asks for every directory where it lies must
not have it read each time.
"""

from __future__ import annotations

import os
import re
import select
import threading
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from goodhoster.linux.kernel import mount_id

_TABLE = "/proc/self/mountinfo"


class Mount(NamedTuple):
    """A mounted file system."""

    point: bytes
    """Absolute path of its top, as this process sees it."""
    kind: str
    """Such as `ext4`; customers' own begin with `fuse`."""
    number: int
    """Whatever is mounted anew has another, but what takes the place of one that ended just then."""
    root: bytes = b"/"
    """What of the file system is mounted there: its path from the top of the file system."""
    device: bytes = b""
    """`major:minor`: two mounts with the same are the same file system."""


class MountTable:
    """The mount table at one moment.

    It is another object when the table has changed since, so the object may be used as a cache key.
    """

    def __init__(self, lines: bytes) -> None:
        found = tuple(map(_mount, lines.splitlines()))
        self.mounts = found if any(mount.point == b"/" for mount in found) else (_root(), *found)
        """In the order in which it was mounted."""

    @cached_property
    def by_number(self) -> dict[int, Mount]:
        """The mounts by their number."""
        return {mount.number: mount for mount in self.mounts}

    @cached_property
    def _by_point(self) -> dict[bytes, Mount]:
        return {mount.point: mount for mount in self.mounts}  # of several at one place, the last is seen

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_point), default=0)

    def carrying(self, path: bytes) -> Mount | None:
        """The mount that a path lies on, by its name alone.

        No file system is asked, so none can delay the answer.
        """
        here = path[: self._longest + 1]
        if len(here) < len(path) and not here.endswith(b"/"):
            here = here.rpartition(b"/")[0]
        while here not in self._by_point:
            above = here.rpartition(b"/")[0]
            if above == here or not above:
                return self._by_point.get(b"/")
            here = above
        return self._by_point[here]


def lies_at_or_below(path: bytes, top: bytes) -> bool:
    """Whether a path lies at or below another, by their names alone."""
    return path == top or path.startswith(top if top.endswith(b"/") else top + b"/")


class _Reader:
    """The mount table of this process.

    The kernel reports a change to every process that polls an open table, once for each.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file = os.open(_TABLE, os.O_RDONLY | os.O_CLOEXEC)
        self._process = os.getpid()
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLPRI)
        self._table: MountTable | None = None

    def read(self) -> MountTable:
        with self._lock:
            if self._table is None or self._poll.poll(0):
                os.lseek(self._file, 0, os.SEEK_SET)
                self._table = MountTable(b"".join(iter(lambda: os.read(self._file, 1 << 16), b"")))
            return self._table

    def is_of_this_process(self) -> bool:
        """Whether this process opened the table: a forked child shares its parent's notifications."""
        return self._process == os.getpid()


_reader: list[_Reader] = []


def mount_table() -> MountTable:
    """The current mount table."""
    if not _reader or not _reader[0].is_of_this_process():
        _reader[:] = [_Reader()]
    return _reader[0].read()


def mounts() -> tuple[Mount, ...]:
    """The mounts of this process, in the order they were mounted."""
    return mount_table().mounts


def mounted_below(tree: bytes) -> Iterator[bytes]:
    """Mount points below a tree, except FUSE file systems.

    The program behind one may claim anything about owners and modes.
    """
    start = tree.rstrip(b"/") + b"/"
    for mount in mounts():
        if mount.point.startswith(start) and not mount.kind.startswith("fuse"):
            yield mount.point


def _root() -> Mount:
    """The root in a chroot whose directory is no mount point; the kernel's table lacks it."""
    directory = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        device = os.fstat(directory).st_dev
        return Mount(b"/", "", mount_id(directory), b"/", b"%d:%d" % (os.major(device), os.minor(device)))
    finally:
        os.close(directory)


def _mount(line: bytes) -> Mount:
    """Parse `id parent major:minor root point options … - kind source options` (proc(5))."""
    front, _, back = line.partition(b" - ")
    number, _, device, root, point, *_ = front.split(b" ")
    return Mount(_unescaped(point), back.split(b" ")[0].decode("ascii"), int(number), _unescaped(root), device)


def _unescaped(field: bytes) -> bytes:
    """Decode blanks, newlines and backslashes, which mountinfo writes as three octal digits."""
    if b"\\" not in field:
        return field
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), field)
