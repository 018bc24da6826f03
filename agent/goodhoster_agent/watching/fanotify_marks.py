"""What fanotify needs a privileged process for."""

from __future__ import annotations

from typing import Protocol


class Marks(Protocol):
    """`fanotify_kernel` itself, or another process that has CAP_SYS_ADMIN. Everything an OSError."""

    def new_group(self, *, unlimited: bool = True) -> int:
        """A descriptor that events can be read from without blocking."""

    def mark_file_system(self, group: int, path: bytes) -> None:
        """Be told of every file that is closed after writing, moved or made anywhere on the file system of `path`."""
