"""Small files that must be complete and on disk before they are reported as written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def write_durably(file: Path, parts: Sequence[bytes]) -> None:
    """Write a new file that survives a power cut once this returns.

    Before that it does not exist under that name. FileExistsError when the name is taken: nothing is overwritten.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with open(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb"
    ) as opened:
        opened.writelines(parts)
        opened.flush()
        os.fsync(opened.fileno())
    try:
        os.link(draft, file)
    finally:
        os.unlink(draft)
    sync_directory(file.parent)


def replace_durably(file: Path, parts: Sequence[bytes]) -> None:
    """Replace a file's content; a crash leaves the old or the new file, complete.

    To be called by one at a time for each file.
    """
    draft = file.with_name(f".{file.name}.new")
    with open(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb"
    ) as opened:
        opened.writelines(parts)
        opened.flush()
        os.fsync(opened.fileno())
    move_durably(draft, file)


def move_durably(file: Path, target: Path) -> None:
    """Rename within one file system; a crash leaves the file under one of the names.

    Perhaps for a moment under both.
    """
    os.rename(file, target)
    sync_directory(target.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
