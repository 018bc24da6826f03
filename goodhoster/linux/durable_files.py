"""Small files that must be complete and on disk before they are reported as written."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from fnmatch import fnmatch
from glob import escape
from pathlib import Path

_FILES_AT_ONCE = 200
_DRAFT_IN_USE_FOR = 60.0
_ROOM = 1 << 20
"""Bytes; with fewer a database cannot be opened."""
_EMPTY_FOR = 86_400.0
"""Seconds after which an empty directory is removed: whoever just made it is about to use it."""


def write_durably(file: Path, parts: Iterable[bytes]) -> None:
    """Write a new file that survives a power cut once this returns.

    Before that it does not exist under that name. FileExistsError when the name is taken: nothing is overwritten.
    """
    draft = _draft_of(file)
    try:
        with _naming(file):
            _write(draft, parts)
        os.link(draft, file)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)
    sync_directory(file.parent)


def replace_durably(file: Path, parts: Sequence[bytes]) -> None:
    """Replace a file's content; a crash leaves the old or the new file, complete.

    Several may do so at once: the last one's content stays. What a killed process left is removed by the next call
    for that file.
    """
    remove_left_drafts(file.parent, f".{escape(file.name)}.")
    draft = _draft_of(file)
    try:
        with _naming(file):
            _write(draft, parts)
        move_durably(draft, file)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        raise


def _write(draft: Path, parts: Iterable[bytes]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(draft, flags, 0o600), "wb") as opened:
        opened.writelines(parts)
        opened.flush()
        os.fsync(opened.fileno())


def _draft_of(file: Path) -> Path:
    """A name for a draft that no other thread of this machine uses.

    No two threads that are alive have the same number, in whatever process.
    """
    return file.with_name(f".{file.name}.{threading.get_native_id()}")


@contextmanager
def new_directory(directory: Path) -> Iterator[Path]:
    """Yield a draft, which becomes the directory of that name when the block ends.

    All in it is on disk then. A killed process leaves no directory of that name; its draft is removed by the next call
    for that directory.
    FileExistsError when the name is taken.
    """
    if os.path.lexists(directory):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(directory))
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_left_drafts(directory.parent, f".{escape(directory.name)}.")
    draft = _draft_of(directory)
    draft.mkdir(mode=0o700)
    try:
        yield draft
        _sync_tree(draft)
        move_durably(draft, directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _sync_tree(directory: Path) -> None:
    for folder, _, names in os.walk(directory, topdown=False):
        for name in names:
            with open(os.path.join(folder, name), "rb") as opened:
                os.fsync(opened.fileno())
        sync_directory(Path(folder))


def move_durably(file: Path, target: Path) -> None:
    """Rename within one file system; a crash leaves the file under one of the names.

    Perhaps for a moment under both.
    """
    os.rename(file, target)
    sync_directory(target.parent)


def remove_left_drafts(directory: Path, pattern: str) -> None:
    """Remove drafts that a killed process left: files and directories that end with its id.

    Not those of a process that is there, nor one that was written to a minute ago: it may be in another container.
    """
    for draft in directory.glob(f"{pattern}*"):
        stem = draft.name.rstrip("0123456789")
        process = draft.name.removeprefix(stem)
        with suppress(FileNotFoundError, PermissionError):
            left = process and fnmatch(stem, pattern) and not Path("/proc", process).exists()
            if left and time.time() - draft.lstat().st_mtime > _DRAFT_IN_USE_FOR:
                shutil.rmtree(draft) if draft.is_dir() and not draft.is_symlink() else draft.unlink()


def has_no_room(directory: Path) -> bool:
    """Whether the disk of a directory is full; False where that cannot be told."""
    try:
        disk = os.statvfs(directory)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _ROOM or disk.f_files > disk.f_favail == 0


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Name the file in an error of the disk, which tells none where an open file is written."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(file)
        raise


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def delete_old_files(
    directory: Path, before: datetime, pause: Callable[[], bool], needless: Callable[[str], bool] = lambda _: True
) -> int:
    """Delete the older files below a directory that are needless; returns how many.

    `pause` is called every few hundred files and says whether to stop there. Directories that are empty since
    yesterday go, too. A file that somebody else moves or deletes meanwhile is not missed.
    """
    deleted = looked_at = 0
    for folder, _, names in os.walk(directory, topdown=False):
        if not names and folder != os.fspath(directory):
            _remove_empty(folder)
        for name in names:
            file = os.path.join(folder, name)
            looked_at += 1
            if looked_at % _FILES_AT_ONCE == 0 and pause():
                return deleted
            with suppress(FileNotFoundError):
                if os.stat(file).st_mtime < before.timestamp() and needless(file):
                    os.unlink(file)
                    deleted += 1
    return deleted


def _remove_empty(folder: str) -> None:
    with suppress(OSError):  # not empty, or gone
        if os.stat(folder).st_mtime < time.time() - _EMPTY_FOR:
            os.rmdir(folder)
