"""Reading of the audit log as it grows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from goodhoster.model.audit import AuditEntry
from goodhoster.ports.common import GrowingLog

_BLOCK = 1 << 16


@dataclass(slots=True)
class LogFollower:
    """Reading on from where it stopped, also in a log that was replaced.

    One that is another log is read from its beginning.
    """

    log: GrowingLog
    file: Path
    position: int = 0
    """Bytes that were read."""
    replaced: bool = False
    """Whether the last reading found another log than the one before."""
    _last: AuditEntry | None = None
    _identity: tuple[int, int] | None = field(default=None)

    def new(self) -> Iterator[AuditEntry]:
        """The durable entries since the last time; none while the log is away.

        Raises as `AuditLog.entries`.
        """
        self.replaced = False
        try:
            found = os.stat(self.file)
        except FileNotFoundError:
            return
        identity = found.st_dev, found.st_ino
        if (self._identity is not None and self._identity != identity) or found.st_size < self.position:
            self.position = self._position_in_other()
            self.replaced = self.position == 0
        self._identity = identity
        for entry, behind in self.log.entries_from(self.position):
            self.position, self._last = behind, entry
            yield entry

    def _position_in_other(self) -> int:
        """Position in a log in place of the other: behind the last entry where it is a copy."""
        last = self._last
        for entry, behind in self.log.entries_from(0) if last else ():
            if last and entry.number == last.number:
                same = (entry.at, entry.event.kind, entry.previous) == (last.at, last.event.kind, last.previous)
                return behind if same else 0
        return 0


def position_of_last(file: Path, count: int, size: int) -> int:
    """The position of the last lines among the first `size` bytes of a file."""
    left, end, newlines = size, size, 0
    with suppress(FileNotFoundError), file.open("rb") as opened:
        while left:
            left = max(0, left - _BLOCK)
            opened.seek(left)
            block = opened.read(end - left)
            at = len(block)
            while (at := block.rfind(b"\n", 0, at)) >= 0:
                newlines += 1
                if newlines > count:
                    return left + at + 1
            end = left
    return 0
