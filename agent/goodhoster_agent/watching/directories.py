"""From a directory's handle to its path below the watched trees, remembered."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from goodhoster_agent.watching import fanotify_kernel as kernel

_REMEMBERED = 100_000
_DEEPEST = 4096
"""Steps up from a directory whose path is too long to be told."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory below a watched tree."""

    path: bytes
    """Absolute."""
    whole: bool = True
    """False: the directory lies so deep that Linux cannot tell its path (PATH_MAX); this is one above it."""


class Directories:
    """One thread finds, any may add.

    A directory outside the trees is remembered as such: most of a busy disk's events are there.
    """

    def __init__(self) -> None:
        self.trees: tuple[bytes, ...] = ()
        self._mounts: dict[bytes, tuple[bytes, ...]] = {}
        self._found: dict[tuple[bytes, bytes], tuple[Directory, ...]] = {}

    def add_mount(self, directory: bytes) -> None:
        """Handles of the file system of this directory can be opened through it.

        The same file system may be mounted at several places below the trees: a handle is then several paths. None is
        held open, or nobody could unmount it.
        """
        fsid = kernel.fsid_of(directory)
        self._mounts[fsid] = tuple(dict.fromkeys((*self._mounts.get(fsid, ()), directory)))
        self.forget()

    def forget(self) -> None:
        """A directory was moved: what was remembered of it and of all below it may be wrong."""
        self._found = {}

    def find(self, fsid: bytes, handle: bytes) -> tuple[Directory, ...]:
        """Every path of that directory below the trees, none when it lies outside. OSError(ESTALE) when it is gone."""
        remembered = self._found  # another thread may add a mount meanwhile: then this answer is for the old ones
        found = remembered.get((fsid, handle))
        if found is None:
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            looks = (self._look(mount, handle) for mount in self._mounts.get(fsid, ()))
            found = remembered[fsid, handle] = tuple(dict.fromkeys(look for look in looks if look))
        return found

    def _look(self, mount: bytes, handle: bytes) -> Directory | None:
        try:
            mounted = os.open(mount, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None  # unmounted and removed
        try:
            directory = kernel.open_by_handle(mounted, handle)
        finally:
            os.close(mounted)
        try:
            found = _path(directory)
        finally:
            os.close(directory)
        return found if found and self._is_watched(found.path) else None

    def _is_watched(self, path: bytes) -> bool:
        return any(path == tree or path.startswith(tree.rstrip(b"/") + b"/") for tree in self.trees)


def _path(directory: int) -> Directory | None:
    """None when it was deleted."""
    if os.fstat(directory).st_nlink == 0:
        return None
    here, whole = os.dup(directory), True
    try:
        for _ in range(_DEEPEST):
            try:
                return Directory(os.readlink(b"/proc/self/fd/%d" % here), whole)
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
            above = os.open(b"..", os.O_PATH | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here, whole = above, False
    finally:
        os.close(here)
    return None
