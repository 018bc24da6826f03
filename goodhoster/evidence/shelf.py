"""Where files in quarantine lie: a directory of our own on the same file system, out of every customer's reach.

It is made below the nearest directory that is ours alone to rename things in: the top of the watched tree or of the
file system mounted below it, or an ancestor. Same file system, because only a rename takes a file away in one step.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from goodhoster import kernel
from goodhoster.errors import QuarantineError
from goodhoster.model.uploads import Place, display

OWN_DIRECTORY = b".goodhoster"


@contextmanager
def opened(directory: int) -> Iterator[int]:
    """A descriptor that is closed at the end."""
    try:
        yield directory
    finally:
        os.close(directory)


def open_parent(place: Place) -> int:
    """The directory of a place, resolved below its tree without following any link."""
    with opened(os.open(place.tree, os.O_RDONLY | os.O_DIRECTORY)) as tree:
        parent = os.path.dirname(place.path) or b"."
        return kernel.open_beneath(tree, parent, os.O_RDONLY | os.O_DIRECTORY)


def open_shelf(place: Place, dev: int, *, create: bool) -> int:
    """The quarantine directory for a file of that place on that device.

    FileNotFoundError when there is none yet and `create` is false; QuarantineError when no safe place exists.
    """
    shelf = os.path.join(_home(place, dev), OWN_DIRECTORY)
    if create:
        with suppress(FileExistsError):  # looked at below: it must be ours whoever made it
            os.mkdir(shelf, 0o700)
    fd = os.open(shelf, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    found = os.fstat(fd)
    if found.st_uid != os.geteuid() or found.st_mode & 0o077 or found.st_dev != dev:
        os.close(fd)
        message = f"{display(shelf)} is not a private directory of this user on the right file system"
        raise QuarantineError(message, hint="find out who made it, move it away")
    return fd


def home_of(tree: bytes) -> bytes:
    """The directory that holds the quarantine of files at the top of a tree; QuarantineError when there is none."""
    return _home(Place(tree, b""), os.stat(tree).st_dev)


def devices(place: Place) -> tuple[int, ...]:
    """Every device between the tree's top and the place, as far as the directories still exist."""
    found: dict[int, None] = {}
    for directory in _directories(place):
        try:
            found[os.lstat(directory).st_dev] = None
        except OSError:
            break  # gone: nothing below it can be a mount point either
    return tuple(found)


def _directories(place: Place) -> Iterator[bytes]:
    yield place.tree
    parts = place.path.split(b"/")[:-1]
    for count in range(1, len(parts) + 1):
        yield os.path.join(place.tree, *parts[:count])


def _home(place: Place, dev: int) -> bytes:
    """The directory that holds the shelf. Names of customers are only used to find mount points; what is found must be
    ours alone and on that device.
    """
    for directory in (*_ancestors(place.tree), *_directories(place)):
        if _safe(directory, dev):
            return directory
    message = f"no directory for quarantine on the file system of {place}: none above it belongs to this user alone"
    raise QuarantineError(message, hint=f"make the top of that file system owned by uid {os.geteuid()}, mode 0755")


def _ancestors(tree: bytes) -> Iterator[bytes]:
    """The tree, then what is above it."""
    yield tree
    while (above := os.path.dirname(tree)) != tree:
        yield above
        tree = above


def _safe(directory: bytes, dev: int) -> bool:
    try:
        found = os.lstat(directory)
    except OSError:
        return False
    mine = found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return stat.S_ISDIR(found.st_mode) and mine and found.st_dev == dev
