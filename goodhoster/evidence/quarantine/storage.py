"""Where quarantined files lie: our own directory on the same file system, out of reach.

Same file system, because only a rename takes a file away in one step. `.goodhoster/quarantine` (`.goodhoster-2/…` where
that name is somebody else's) is made in the tree's top; where that is not ours alone, in the nearest directory above
that is; where none is (a disk whose top is a customer's), in the top of the file system, and then it is immutable so
that nobody can move it away.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from goodhoster.errors import QuarantineError
from goodhoster.evidence.quarantine.directory_access import (
    ancestors,
    file_system,
    open_directory,
    open_nearest,
    open_top,
    opened,
)
from goodhoster.evidence.quarantine.metadata import set_guards
from goodhoster.linux import kernel
from goodhoster.linux.mount_table import mounted_below
from goodhoster.model.quarantine import OWN_DIRECTORIES
from goodhoster.model.uploads import Place

_QUARANTINE = b"quarantine"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_PLAIN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def open_quarantine(tree: bytes, parent: int) -> int:
    """The quarantine directory for files of that open directory, made when there is none.

    QuarantineError when it cannot be made safe, OSError when the disk refuses.
    """
    with _home(tree, parent) as (home, firm), opened(_make_own(home)) as outer:
        folder = _make(outer, _QUARANTINE)
        if folder is None:
            raise QuarantineError("the quarantine in our own directory is not a private directory of this user")
        if not firm:
            _pin(outer, home)
        return folder


def quarantine_folders(place: Place, devices: set[int]) -> Iterator[int]:
    """Every quarantine directory that may hold the file of that place, open until the next.

    Adds the device of each file system that was looked at: on another one nothing can be said.
    """
    for directory in _homes(place):
        devices.add(os.fstat(directory).st_dev)
        for folder in _existing(directory):
            with opened(folder):
                yield folder


def home_of(tree: bytes) -> bytes:
    """The directory that holds the quarantine of files at the top of a tree.

    OSError when the tree cannot be opened.
    """
    with opened(open_directory(tree)) as top, _home(tree, top) as (home, _):
        return os.readlink(b"/proc/self/fd/%d" % home)


def was_quarantine(place: Place, directory: int) -> bool:
    """Whether the open directory is a quarantine, of whatever was mounted there before."""
    named = os.path.dirname(place.path).endswith(tuple(own + b"/" + _QUARANTINE for own in OWN_DIRECTORIES))
    return named and is_private(os.fstat(directory))


def is_private(found: os.stat_result) -> bool:
    """A directory that nobody but this user can enter."""
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _homes(place: Place) -> Iterator[int]:
    """Directories that a quarantine folder may have been made in: whoever owns them today."""
    with opened(open_directory(place.tree)) as tree, ancestors(tree) as way, opened(open_nearest(place)) as nearest:
        yield from way
        if file_system(nearest) != file_system(tree):
            with opened(open_top(nearest)) as top:
                yield top
    for point in mounted_below(place.tree):
        try:
            top = open_directory(point)
        except OSError:
            continue  # its device is not noted: nothing is said about what was on it
        with opened(top):
            yield top


@contextmanager
def _home(tree: bytes, parent: int) -> Iterator[tuple[int, bool]]:
    """The directory to make the quarantine in, and whether nobody else can rename it away."""
    with opened(open_directory(tree)) as top_of_tree:
        if file_system(top_of_tree) == file_system(parent):
            with ancestors(top_of_tree) as way:
                firm = next((n for n in range(len(way)) if _firm(way[n:])), None)
                yield (way[-1], False) if firm is None else (way[firm], True)
        else:
            with opened(open_top(parent)) as top:
                yield top, _firm([top])


def _firm(way: list[int]) -> bool:
    first, *above = map(os.fstat, way)
    ours = first.st_uid == os.geteuid() and not first.st_mode & _OTHERS_WRITE
    return ours and all(_keeps_entries(directory) for directory in above)


def _keeps_entries(directory: os.stat_result) -> bool:
    """Can nobody but us and root rename what is ours in there?"""
    trusted = directory.st_uid in {0, os.geteuid()}
    return trusted and (not directory.st_mode & _OTHERS_WRITE or bool(directory.st_mode & stat.S_ISVTX))


def _make_own(home: int) -> int:
    """Our own directory: under the first name that is ours already, else the first free one."""
    taken = []
    for name in sorted(OWN_DIRECTORIES, key=lambda name: not _is_ours(home, name)):
        directory = _make(home, name)
        if directory is not None:
            return directory
        taken.append(os.fsdecode(name))
    message = f"no directory for quarantine at the top of the disk: {', '.join(taken)} belong to somebody else"
    raise QuarantineError(message, hint="find out who made them, and move one away")


def _make(parent: int, name: bytes) -> int | None:
    """None when something of that name is there that is not ours alone."""
    with suppress(FileExistsError):  # looked at below: it must be ours whoever made it
        os.mkdir(name, 0o700, dir_fd=parent)
        os.fsync(parent)
    directory = _open_private(parent, name)
    if directory is not None:
        _leave_project(directory)
    return directory


def _is_ours(home: int, name: bytes) -> bool:
    try:
        directory = _open_private(home, name)
    except FileNotFoundError:
        return False
    if directory is None:
        return False
    os.close(directory)
    return True


def _existing(home: int) -> Iterator[int]:
    for name in OWN_DIRECTORIES:
        with suppress(FileNotFoundError):
            outer = _open_private(home, name)
            if outer is None:
                continue
            with opened(outer):
                folder = _open_private(outer, _QUARANTINE)
            if folder is not None:
                yield folder


def _open_private(parent: int, name: bytes) -> int | None:
    """None when it is somebody else's or no directory; FileNotFoundError when there is nothing."""
    try:
        directory = os.open(name, _PLAIN, dir_fd=parent)
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP, errno.EACCES}:
            return None
        raise
    if is_private(os.fstat(directory)) and file_system(directory) == file_system(parent):
        return directory
    os.close(directory)
    return None


def _leave_project(directory: int) -> None:
    """Leave the disk-quota project: a directory that hands it on takes in no other's file.

    EXDEV otherwise.
    """
    flags = kernel.inode_flags(directory) or 0
    if flags & kernel.FS_PROJINHERIT_FL:
        kernel.set_inode_flags(directory, flags & ~kernel.FS_PROJINHERIT_FL)


def _pin(outer: int, home: int) -> None:
    """Make our directory immutable where somebody else owns the directory around it."""
    try:
        set_guards(outer, kernel.FS_IMMUTABLE_FL)
    except OSError as error:
        owner = os.fstat(home).st_uid
        message = f"no directory for quarantine: the top of that file system belongs to uid {owner}: {error.strerror}"
        raise QuarantineError(message, hint=f"give it to uid {os.geteuid()}, mode 0755 or 1777") from error
    if kernel.inode_flags(outer) is None:
        raise QuarantineError("no directory for quarantine: the file system has no immutable flag")
