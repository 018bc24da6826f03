"""Safe opening of a customer's file.

No name, link or special file chosen by an outsider leads anywhere else.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from goodhoster.errors import NotAnUploadError, UncheckedError
from goodhoster.linux import kernel
from goodhoster.linux.leases import LEASES
from goodhoster.model.uploads import LEASED, FileState, Place, display

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
_NOT_OURS = frozenset({errno.ELOOP, errno.EXDEV, errno.ENXIO, errno.EISDIR})


@dataclass(frozen=True, slots=True)
class OpenedUpload:
    """An open regular file.

    The descriptor stays open until the verdict is acted on: inode numbers are reused.
    """

    fd: int
    place: Place
    state: FileState

    def unchanged(self) -> bool:
        """Whether the open file is still in the state it was opened in."""
        return FileState.of(os.fstat(self.fd)) == self.state


@contextmanager
def open_upload(place: Place) -> Iterator[OpenedUpload]:
    """Open without following any link; leaves the access time alone where the kernel permits it.

    Raises NotAnUploadError when there is nothing to check, UncheckedError: `unreadable` when it is not permitted,
    `leased` where somebody's write lease is in the way, which is being broken from then on.
    """
    fd = _open(place)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise NotAnUploadError(f"{place} is not a regular file")
        yield OpenedUpload(fd, place, FileState.of(found))
    finally:
        os.close(fd)


def open_tree(tree: bytes) -> int:
    """Open a watched tree's root and return a descriptor.

    The tree's own path is set by the administrator and may be a link.
    """
    return os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def open_quietly(directory: int, path: bytes, flags: int) -> int:
    """Open beneath without changing the access time.

    The access time changes where the kernel does not let us choose (EPERM).
    """
    try:
        return kernel.open_beneath(directory, path, flags | os.O_NOATIME)
    except PermissionError:
        return kernel.open_beneath(directory, path, flags)


def _open(place: Place) -> int:
    tree = _open_tree_of(place)
    try:
        return open_quietly(tree, place.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY)
    except BlockingIOError as error:
        LEASES.begin_beneath(tree, place.path, place.absolute)
        message = f"{place} cannot be opened: its owner has a write lease on it, which is being broken"
        raise UncheckedError(message, reason=LEASED) from error
    except OSError as error:
        if error.errno in _GONE | _NOT_OURS:
            raise NotAnUploadError(f"{place}: {error.strerror}") from error
        raise UncheckedError(f"{place} cannot be opened: {error.strerror}", reason="unreadable") from error
    finally:
        os.close(tree)


def _open_tree_of(place: Place) -> int:
    """Open the tree of a place; one that is gone (an unmounted disk) says nothing of its files."""
    try:
        return open_tree(place.tree)
    except OSError as error:
        message = f"the watched tree {display(place.tree)} cannot be opened: {error.strerror}"
        raise UncheckedError(message, reason="unreadable") from error
