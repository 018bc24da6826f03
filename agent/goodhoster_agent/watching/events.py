"""Reports of an event source: hints, and gaps between them.

They are never the truth: that is on the disk and in the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from goodhoster.linux.file_system_calls import FileSystemCalls
from goodhoster.linux.mount_table import Mount


@dataclass(frozen=True, slots=True)
class Hint:
    """Report that something happened to a name in a directory."""

    directory: bytes
    """Absolute."""
    name: bytes
    is_directory: bool = False
    """A directory came: everything below it is new."""
    settled: bool = True
    """Whoever wrote it has closed or moved it; False where only its creation was seen."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Report of missed events: every tree is to be compared with the index, or a part of one.

    Events were lost or never came.
    """

    reason: str
    below: bytes = b""
    """Absolute path of the directory in which all of them were; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class Written:
    """Report that a file was written to, and may be open still."""

    directory: bytes
    """Absolute."""
    name: bytes
    closed_at: float
    """When it was last seen to be closed, by the system's clock; 0: not lately."""


Listener = Callable[[Hint | Gap | Sequence[Written]], None]
"""Called with several files that were written to from a thread that may be blocked."""


class EventSource(Protocol):
    """Source of hints.

    Calls its listener from a thread of its own, which must not be blocked.
    """

    @property
    def name(self) -> str:
        """Name of this source, for `status`."""

    @property
    def reason(self) -> str:
        """Reason for choosing this source in words, for `status`."""

    @property
    def calls(self) -> FileSystemCalls:
        """Calls of this process to file systems."""

    def start(self, trees: Sequence[bytes], listener: Listener) -> None:
        """Start; returns when everything below the trees that can be watched is.

        The rest is reported by `problems`.
        """

    def cover(self, directory: bytes) -> None:
        """Watch what lies below this directory too, where a file system was mounted.

        May be called again.
        """

    def uncover(self, directory: bytes) -> None:
        """Stop reporting what was mounted there and is gone."""

    def lost(self, mounts: Iterable[Mount]) -> list[Mount]:
        """Return those of these mounts that are watched no longer although they seem to be the same.

        What is unmounted and mounted again within a moment has the same number and device.
        """

    def problems(self) -> list[str]:
        """Descriptions of what is not watched now; empty when all is.

        Such files are found by scanning only.
        """

    def stop(self) -> None:
        """Stop. No call of the listener follows. May be called twice."""
