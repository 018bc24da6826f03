"""Cached resolution of a directory's handle to its paths below the watched trees."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.linux.kernel import mount_id
from goodhoster.linux.mount_table import Mount, MountTable, lies_at_or_below, mount_table
from goodhoster_agent.watching import fanotify_kernel as kernel

_REMEMBERED = 100_000
_LONGEST_STEP = 256
_STEPS_UP = 200
"""From a directory whose path is too long to be told one above it is looked for, so many levels at a time and so often:
deeper than any path that is walked.
"""


@dataclass(frozen=True, slots=True)
class WatchedDirectory:
    """A directory below a watched tree."""

    path: bytes
    """Absolute."""
    whole: bool = True
    """False: the directory lies so deep that Linux cannot tell its path (PATH_MAX); this is one above it."""


class Directories:
    """Directories by handle: one thread finds, any may add.

    A directory outside the trees is cached as such: most of a busy disk's events are there. A handle is opened once
    for each file system, however often that is mounted; at which places it is seen then, the mount table shows.
    """

    def __init__(self, calls: FileSystemCalls) -> None:
        self.trees: tuple[bytes, ...] = ()
        self._calls = calls
        self._devices: dict[bytes, tuple[bytes, ...]] = {}
        self._found: dict[tuple[bytes, bytes], tuple[WatchedDirectory, ...]] = {}
        self._table: MountTable | None = None

    def add(self, fsid: bytes, device: bytes) -> None:
        """Record that events with that identity may come from this file system.

        They may come from several, where one is a copy of another.
        """
        self._devices[fsid] = tuple(dict.fromkeys((*self._devices.get(fsid, ()), device)))
        self.forget()

    def copies(self) -> list[list[Mount]]:
        """Mounted file systems that cannot be told apart by their events: one mount of each."""
        mounted = {mount.device: mount for mount in reversed(mount_table().mounts)}
        groups = ([mounted[each] for each in devices if each in mounted] for devices in self._devices.values())
        return [group for group in groups if len(group) > 1]

    def forget(self) -> None:
        """Clear the cache after a directory was moved: it and all below it may be wrong."""
        self._found = {}

    def find(self, fsid: bytes, handle: bytes) -> tuple[WatchedDirectory, ...]:
        """Every path of that directory below the trees; none when it lies outside, or is gone.

        OSError when it cannot be told: no file system of that identity let itself be asked.
        """
        if (table := mount_table()) is not self._table:
            self._table = table
            self.forget()
        remembered = self._found  # another thread may add a mount meanwhile: then this answer is for the old ones
        found = remembered.get((fsid, handle))
        if found is None:
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            found = remembered[fsid, handle] = self._find(table, self._devices.get(fsid, ()), handle)
        return found

    def _find(self, table: MountTable, devices: tuple[bytes, ...], handle: bytes) -> tuple[WatchedDirectory, ...]:
        found: dict[WatchedDirectory, None] = {}
        refused: OSError | None = None
        answered = False
        for device in devices:
            try:
                found |= dict.fromkeys(_places(_Views(table, device, self.trees), handle, self._calls))
                answered = True
            except OSError as error:
                refused = error
        if refused and not answered:
            raise refused
        return tuple(found)


class _Views:
    """Mount points of a file system."""

    def __init__(self, table: MountTable, device: bytes, trees: tuple[bytes, ...]) -> None:
        self.trees = trees
        self.mounts, self._points, self._lengths = _views(table, device, trees)

    def paths(self, inside: bytes) -> Iterator[bytes]:
        """Every path below the trees of what has this path from the top of the file system."""
        for length in self._lengths:
            root = inside[:length]
            if not lies_at_or_below(inside, root):
                continue
            for point in self._points.get(root, ()):
                below = inside[len(root.rstrip(b"/")) :]
                path = (point.rstrip(b"/") + below) or b"/"
                if any(lies_at_or_below(path, tree) for tree in self.trees):
                    yield path


@lru_cache(maxsize=4096)
def _views(
    table: MountTable, device: bytes, trees: tuple[bytes, ...]
) -> tuple[tuple[Mount, ...], dict[bytes, list[bytes]], tuple[int, ...]]:
    """Mounts of a file system, the places they show, and the lengths of those places' names.

    The mounts, those of the whole of it first; the places below or above the trees by what is mounted there; and
    how long the names of that are: few lengths, however deep a directory lies.
    """
    mounts = sorted((mount for mount in table.mounts if mount.device == device), key=lambda mount: len(mount.root))
    points: dict[bytes, list[bytes]] = {}
    for mount in mounts:
        if any(lies_at_or_below(mount.point, tree) or lies_at_or_below(tree, mount.point) for tree in trees):
            points.setdefault(mount.root, []).append(mount.point)
    return tuple(mounts), points, tuple(sorted(set(map(len, points))))


def _places(views: _Views, handle: bytes, calls: FileSystemCalls) -> Iterator[WatchedDirectory]:
    """Places of a handle in one file system.

    OSError when the file system cannot be asked through any of its mounts.
    """
    refused: OSError | None = None
    for mount in views.mounts:
        try:
            with calls.asking(mount.point), _opened(mount, handle) as directory:
                found = _path(directory, mount) if directory is not None else None
        except OSError as error:
            refused = error
            continue
        if found is not None:
            yield from (WatchedDirectory(path, found.whole) for path in views.paths(found.path))
        return
    if refused:
        raise refused


@contextmanager
def _opened(mount: Mount, handle: bytes) -> Iterator[int | None]:
    """Open a directory; None when there is none (any more).

    OSError when something else lies over the mount by now.
    """
    top = os.open(mount.point, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if mount_id(top) != mount.number:
            raise OSError(errno.EXDEV, "another file system is mounted there now", mount.point)
        directory = _open_by_handle(top, handle)
    finally:
        os.close(top)
    try:
        yield directory
    finally:
        if directory is not None:
            os.close(directory)


def _open_by_handle(top: int, handle: bytes) -> int | None:
    try:
        return kernel.open_by_handle(top, handle)
    except OSError as error:
        if error.errno == errno.ESTALE:
            return None
        raise


def _path(directory: int, mount: Mount) -> WatchedDirectory | None:
    """Path from the top of the file system; None when it was deleted."""
    if os.fstat(directory).st_nlink == 0:
        return None
    found = _name(directory)
    if found is None:
        return None
    below = found.path[len(mount.point.rstrip(b"/")) :]
    if lies_at_or_below(found.path, mount.point) and (mount.root == b"/" or _is_at(found.path, directory)):
        return WatchedDirectory((mount.root.rstrip(b"/") + below) or b"/", found.whole)
    return found  # of what this mount does not show, Linux tells the path from the top of the file system


def _is_at(path: bytes, directory: int) -> bool:
    """Whether this path leads to the directory.

    A path from the top of a file system may read like one that begins with the mount point.
    """
    try:
        return os.path.samestat(os.stat(path), os.fstat(directory))
    except OSError:
        return False


def _name(directory: int) -> WatchedDirectory | None:
    """Path as Linux reports it; of the nearest directory above where it cannot."""
    if (path := _reported_path(directory)) is not None:
        return WatchedDirectory(path)
    below, step = os.dup(directory), 1
    try:
        for _ in range(_STEPS_UP):
            above = _open_above(below, step)
            try:
                if _reported_path(above) is not None:
                    return WatchedDirectory(_nearest(below, step), whole=False)
            except BaseException:
                os.close(above)
                raise
            os.close(below)
            below, step = above, min(2 * step, _LONGEST_STEP)
    finally:
        os.close(below)
    return None


def _nearest(below: int, most: int) -> bytes:
    """Path of the nearest directory above that has a path.

    The one that lies `most` levels above has a path.
    """
    low, high, path = 0, most, b""
    while high - low > 1 or not path:
        middle = (low + high + 1) // 2 if path else high
        above = _open_above(below, middle)
        try:
            told = _reported_path(above)
        finally:
            os.close(above)
        if told is None:
            low = middle
        else:
            high, path = middle, told
    return path


def _open_above(directory: int, levels: int) -> int:
    return os.open(b"../" * levels, os.O_PATH | os.O_CLOEXEC, dir_fd=directory)


def _reported_path(directory: int) -> bytes | None:
    """Path as Linux reports it; None where it is too long."""
    try:
        return os.readlink(b"/proc/self/fd/%d" % directory)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise
