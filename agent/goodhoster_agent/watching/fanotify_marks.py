"""The fanotify calls that need a privileged process."""

from __future__ import annotations

from typing import Protocol


class Marks(Protocol):
    """Calls that need CAP_SYS_ADMIN, made by `fanotify_kernel` itself or another process.

    Every failure is an OSError.
    """

    def new_group(self, *, unlimited: bool = True) -> int:
        """A descriptor that events can be read from without blocking."""

    def mark_file_system(self, group: int, path: bytes, *, writes: bool = False) -> None:
        """Request events for the file system of `path`.

        They come for every file that is closed after writing, moved or made anywhere on it; or for all `writes`, and
        nothing else.
        """
