"""Disk access for web servers' configurations.

Whether a file exists, and the content of small configuration files.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat

from goodhoster.errors import UnclearRouteError

_MOST_NAMES = 20_000
_NOTHING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_LARGEST_TEXT = 1 << 18  # bytes


class Disk:
    """See `model.site_rules.FilesOnDisk`."""

    def is_file(self, path: bytes) -> bool:
        """See `model.site_rules.FilesOnDisk`."""
        return stat.S_ISREG(_mode(path))

    def is_directory(self, path: bytes) -> bool:
        """See `model.site_rules.FilesOnDisk`."""
        return stat.S_ISDIR(_mode(path))

    def names_in(self, directory: bytes) -> list[bytes]:
        """See `model.site_rules.FilesOnDisk`."""
        try:
            with os.scandir(directory) as entries:
                names = [entry.name for entry in itertools.islice(entries, _MOST_NAMES + 1)]
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return []
        except OSError as error:
            raise UnclearRouteError(f"{os.fsdecode(directory)} cannot be read: {error.strerror}") from error
        if len(names) > _MOST_NAMES:
            raise UnclearRouteError(f"{os.fsdecode(directory)} holds too much to look through")
        return names

    def text_of(self, path: bytes) -> str | None:
        """See `model.site_rules.FilesOnDisk`: never waits for a FIFO of a customer's."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise UnclearRouteError(f"{os.fsdecode(path)} cannot be read: {error}") from error
        with open(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise UnclearRouteError(f"{os.fsdecode(path)} is not a file")
            content = file.read(_LARGEST_TEXT + 1)
        if len(content) > _LARGEST_TEXT or b"\0" in content:
            raise UnclearRouteError(f"{os.fsdecode(path)} is too long, or no text")
        return content.decode("utf-8", "surrogateescape")


def _mode(path: bytes) -> int:
    """File mode; 0 where nothing is there.

    UnclearRouteError where that cannot be seen: what may be there is not missing.
    """
    try:
        return os.stat(path).st_mode
    except OSError as error:
        if error.errno in _NOTHING:
            return 0
        raise UnclearRouteError(f"{os.fsdecode(path)} cannot be checked: {error.strerror}") from error
    except ValueError:
        return 0
