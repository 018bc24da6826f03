"""Where a log ends, remembered in a small file beside it.

It says at once, after a restart too, that a log was cut, rotated away or replaced, and spares a process that begins to
write the reading of all that is there. It is written after the log is durable, so it may be behind, never ahead.
Somebody who may write the log may write it too: proof against them is an earlier `root` that was kept elsewhere.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from goodhoster.audit.entries import FIRST, fingerprint
from goodhoster.errors import AuditError

_WIDTH = 160  # bytes: the same for every tail, so that it is overwritten in one piece


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a log after so many entries."""

    entries: int = 0
    size: int = 0
    """Bytes of the log."""
    last: int = 0
    """Bytes of the last line, without its newline."""
    fingerprint: bytes = FIRST
    """Of the last line: what the next entry is bound to."""

    def after(self, line: bytes) -> Tail:
        """The end once that line stands there too."""
        return Tail(self.entries + 1, self.size + len(line) + 1, len(line), fingerprint(line))

    def is_in(self, fd: int) -> bool:
        """Does that file hold the very line that ended here?"""
        if not self.entries:
            return True
        line = os.pread(fd, self.last + 1, self.size - self.last - 1)
        return line.endswith(b"\n") and fingerprint(line[:-1]) == self.fingerprint

    def save(self, file: Path) -> None:
        """Remember it. OSError when that cannot be."""
        text = json.dumps(asdict(self) | {"fingerprint": self.fingerprint.hex()}).ljust(_WIDTH - 1) + "\n"
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, text.encode(), 0)
        finally:
            os.close(fd)

    @classmethod
    def load(cls, file: Path) -> Self:
        """What was remembered; the start where nothing was, or where another process is at its very first entry.
        AuditError when it is there and cannot be read.
        """
        try:
            if not (text := file.read_text(encoding="utf-8")):
                return cls()
            data = json.loads(text)
            return cls(data["entries"], data["size"], data["last"], bytes.fromhex(data["fingerprint"]))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            hint = f"goodhoster audit verify tells how the log is; then remove {file}: the next entry makes it anew"
            raise AuditError(f"{file} does not say where the audit log ends: {error}", hint=hint) from error
