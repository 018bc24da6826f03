"""Changing a directory of lists, or of exemption sets: one importer at a time, new files beside the old, errors of the
disk in words.

A list is written whole under its unfinished name and renamed when it is durable, so whoever is killed at any point
leaves whole lists; what lies around is swept away by the next import.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from goodhoster.errors import BusyError, PermanentError

_NEW = ".new"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def unfinished(path: Path) -> Path:
    """The name under which a list is written until it is whole and durable."""
    return path.with_name(path.name + _NEW)


def create(path: Path) -> BinaryIO:
    """A new file that belongs to whom the directory belongs: what root imports, the service's account reads.

    FileExistsError when there is something of that name, a symbolic link included.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)
    return os.fdopen(fd, "wb")


def sync(directory: Path) -> None:
    """Make the names in the directory durable."""
    with _directory(directory) as fd:
        os.fsync(fd)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """The only importer of this directory, which is made where missing; BusyError when there is another.

    The lock goes with the process, so that nobody has to clean up after a kill.
    """
    _make(directory)
    with _directory(directory) as fd:
        _lock(fd, directory)
        try:
            _sweep(directory)
            yield
        finally:
            _sweep(directory)


@contextmanager
def _directory(directory: Path) -> Iterator[int]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def _lock(fd: int, directory: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        hint = "wait until it has ended, then try again"
        raise BusyError(f"another import into {directory} is at work", hint=hint) from error


def _make(directory: Path) -> None:
    """Make the directory, for whom the one above it belongs to."""
    if directory.is_dir():
        return
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        owner = directory.parent.stat()
        os.chown(directory, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _sweep(directory: Path) -> None:
    """Take away what an import that was cut short has left."""
    for left in directory.glob(f"*{_NEW}"):
        left.unlink()


@contextmanager
def disk_told(directory: Path, state: str) -> Iterator[None]:
    """What the disk refuses, in words, and in which state that leaves the lists."""
    try:
        yield
    except OSError as error:
        hint = "free some space there" if error.errno in _NO_SPACE else "check the disk, and owner and mode there"
        message = f"cannot write in {directory}: {error.strerror}; {state}"
        raise PermanentError(message, hint=f"{hint}, then try again") from error
