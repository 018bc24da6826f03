"""Check whether a directory is the top of a file system, or of a mounted part of one."""

from __future__ import annotations

import os

from goodhoster.linux.mount_table import mounted_below, mounts


def is_top(directory: bytes, *, tree: bytes) -> bool:
    """Whether a directory is the top of what is mounted below the tree, or of a btrfs subvolume.

    By whatever path it is reached. The top of a file system that a customer's own program is (FUSE) is none: it
    reports owners and modes as it likes.
    """
    return any(_is_same(directory, point) for point in mounted_below(tree)) or _is_subvolume(directory)


def _is_subvolume(directory: bytes) -> bool:
    """Whether it has another device than its parent while nothing is mounted there."""
    return os.path.ismount(directory) and all(mount.point != directory for mount in mounts())


def _is_same(one: bytes, other: bytes) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
