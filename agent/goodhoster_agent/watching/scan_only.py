"""Event source without events, for file systems and machines where nothing can be watched.

Files are found by scanning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.linux.mount_table import Mount
from goodhoster_agent.watching.events import Listener


class ScanOnlySource:
    """See `EventSource`."""

    name = "scan"

    def __init__(self, reason: str, calls: FileSystemCalls | None = None) -> None:
        self.reason = reason
        self.calls = calls or FileSystemCalls()

    def start(self, trees: Sequence[bytes], listener: Listener) -> None:
        """Do nothing: no event is ever reported."""

    def cover(self, directory: bytes) -> None:
        """Do nothing: what is mounted is scanned like the rest."""

    def uncover(self, directory: bytes) -> None:
        """Do nothing: nothing was watched there."""

    def lost(self, mounts: Iterable[Mount]) -> list[Mount]:  # noqa: ARG002 - see `EventSource`
        """Return none: nothing was watched there."""
        return []

    def problems(self) -> list[str]:
        """Always one problem: nobody shall believe that files are found at once."""
        return [f"no events ({self.reason}): files are found by scanning only"]

    def stop(self) -> None:
        """Do nothing: nothing runs."""
