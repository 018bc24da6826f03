"""Directories on disks where customers rename, link and swap: open, identify, go up.

Going up is by `..` from an open directory: that follows what is really there and uses no name that a customer chose.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from goodhoster.linux import kernel
from goodhoster.model.uploads import Place

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG})
"""What openat2 says when there is no such plain directory or file below: gone, or a link, or a way out."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY


@contextmanager
def opened(fd: int) -> Iterator[int]:
    """A descriptor that is closed at the end."""
    try:
        yield fd
    finally:
        os.close(fd)


def entry(directory: int, name: bytes) -> os.stat_result | None:
    """What lies under that name, links not followed; None when nothing does."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def exists(directory: int, name: bytes) -> bool:
    """Whether anything has that name."""
    return entry(directory, name) is not None


def open_directory(absolute: bytes) -> int:
    """A directory by its real path: a link that somebody put into it since is not followed."""
    with opened(os.open("/", _DIRECTORY)) as root:
        return kernel.open_beneath(root, absolute.strip(b"/") or b".", _DIRECTORY)


def open_parent(place: Place) -> int:
    """The directory of a place, resolved below its tree without following any link."""
    with opened(open_directory(place.tree)) as tree:
        return kernel.open_beneath(tree, os.path.dirname(place.path) or b".", _DIRECTORY)


def open_nearest(place: Place) -> int:
    """The directory of a place, or of those above it the first that is still there."""
    with opened(open_directory(place.tree)) as tree:
        path = os.path.dirname(place.path)
        while path:
            with suppress(OSError):  # gone, or not to be entered: the one above says where we are as well
                return kernel.open_beneath(tree, path, _DIRECTORY)
            path = os.path.dirname(path)
        return os.dup(tree)


def identity(directory: int) -> bytes:
    """The lasting identity of a directory; inode numbers alone are reused."""
    return kernel.file_handle(directory) or b"inode %d" % os.fstat(directory).st_ino


def file_system(directory: int) -> tuple[int, int]:
    """The mount and device of a directory: between equal ones a rename is possible.

    Btrfs subvolumes differ in the device.
    """
    return kernel.mount_id(directory), os.fstat(directory).st_dev


@contextmanager
def ancestors(directory: int) -> Iterator[list[int]]:
    """The directory and all above it on its own file system, nearest first.

    For trees only: how deep is ours to choose.
    """
    way = [directory]
    try:
        while (above := _above(way[-1])) is not None:
            way.append(above)
        yield way
    finally:
        for above in way[1:]:
            os.close(above)


def open_top(directory: int) -> int:
    """The top of this directory's file system, however deep a customer dug."""
    top = os.dup(directory)
    while (above := _above(top)) is not None:
        os.close(top)
        top = above
    return top


def _above(directory: int) -> int | None:
    above = os.open("..", _DIRECTORY, dir_fd=directory)
    same = os.path.samestat(os.fstat(above), os.fstat(directory))  # the root is above itself
    if same or file_system(above) != file_system(directory):
        os.close(above)
        return None
    return above
