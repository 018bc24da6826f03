"""Room kept on each disk for labels, so that a full disk or quota stops no quarantine.

It is kept in pieces and given up by removing one: over its quota btrfs permits that, and nothing else that makes room.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from goodhoster.evidence.quarantine.directory_access import exists, opened

Result = TypeVar("Result")
_PIECES = tuple(b"reserve-%d" % number for number in range(1, 17))
_SIZE = 64 << 10
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def keep_reserve(folder: int) -> None:
    """Fill the reserve up as far as there is room; the last piece is given up first."""
    if exists(folder, _PIECES[-1]):
        return
    for piece in _PIECES:
        if not exists(folder, piece) and not _written(folder, piece):
            return


def with_reserve(folder: int, step: Callable[[], Result]) -> Result:
    """Do a step that needs little room and may be repeated; on a full disk use the reserve.

    OSError when that is used up too.
    """
    while True:
        try:
            return step()
        except OSError as error:
            if error.errno not in _FULL or not _release_piece(folder):
                raise


def sync_with_reserve(directory: int, folder: int) -> None:
    """Write an open directory to disk; on a full disk use the reserve of that quarantine folder."""
    with_reserve(folder, lambda: os.fsync(directory))


def _written(folder: int, piece: bytes) -> bool:
    try:
        fd = os.open(piece, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        with opened(fd):
            os.write(fd, os.urandom(_SIZE))  # random: a file system that packs would keep no room
            os.fsync(fd)
    except FileExistsError:
        return True  # another mover makes it just now
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(piece, dir_fd=folder)
        return False
    return True


def _release_piece(folder: int) -> bool:
    for piece in reversed(_PIECES):
        with suppress(FileNotFoundError):
            os.unlink(piece, dir_fd=folder)
            os.fsync(folder)
            return True
    return False
