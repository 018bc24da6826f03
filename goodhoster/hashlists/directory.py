"""Changes to a directory of hash lists or exemption sets, by one importer at a time.

A list is written completely under a temporary name and renamed once it is durable, so a process killed at any point
leaves complete lists; the next import deletes what it left behind. Disk errors are reported in words.
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


def temporary_path(path: Path) -> Path:
    """The temporary name under which a list is written until it is complete and durable."""
    return path.with_name(path.name + _NEW)


def create(path: Path) -> BinaryIO:
    """Create a new file with the owner of the directory.

    So the service's account can read what root imports. FileExistsError when there is something of that name, a
    symbolic link included.
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
def import_lock(directory: Path) -> Iterator[None]:
    """Hold the directory's import lock; BusyError when another importer holds it.

    The directory is created where missing. The lock ends with the process, so nobody has to clean up after a kill.
    """
    _make(directory)
    with _directory(directory) as fd:
        _lock(fd, directory)
        try:
            _remove_unfinished(directory)
            yield
        finally:
            _remove_unfinished(directory)


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
        raise BusyError(f"another import into {directory} is running", hint=hint) from error


def _make(directory: Path) -> None:
    """Create the directory with the owner of its parent directory."""
    if directory.is_dir():
        return
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        owner = directory.parent.stat()
        os.chown(directory, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _remove_unfinished(directory: Path) -> None:
    """Delete what an interrupted import left behind."""
    for left in directory.glob(f"*{_NEW}"):
        left.unlink()


@contextmanager
def disk_errors_explained(directory: Path, state: str) -> Iterator[None]:
    """Report disk errors in words, with the state in which they leave the lists."""
    try:
        yield
    except OSError as error:
        hint = "free some space there" if error.errno in _NO_SPACE else "check the disk, and owner and mode there"
        message = f"cannot write in {directory}: {error.strerror}; {state}"
        raise PermanentError(message, hint=f"{hint}, then try again") from error
