"""The recorded end of a log, in a small file beside it.

It shows at once, after a restart too, that a log was cut, rotated away or replaced, and spares a process that begins to
write the reading of all that is there. It is written after the log is durable, so it may be behind, never ahead. An
attacker who may write the log may write it too: proof against them is an earlier checkpoint that was kept elsewhere.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

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
        """The tail after that line is added."""
        return Tail(self.entries + 1, self.size + len(line) + 1, len(line), fingerprint(line))

    def last_line(self, fd: int) -> bytes | None:
        """The line that ended at this tail, as that file has it.

        None when it does not end here, empty when there is none yet.
        """
        if not self.entries:
            return b""
        line = os.pread(fd, self.last + 1, self.size - self.last - 1)
        return line[:-1] if line.endswith(b"\n") and fingerprint(line[:-1]) == self.fingerprint else None

    def encode(self) -> bytes:
        """The text that is kept of a tail."""
        text = (
            f'{{"entries":{self.entries},"size":{self.size},"last":{self.last},'
            f'"fingerprint":"{self.fingerprint.hex()}"}}'
        )
        return (text.ljust(_WIDTH - 1) + "\n").encode()

    @classmethod
    def decode(cls, text: bytes) -> Self:
        """Decode a kept tail; the start of a log where nothing was kept.

        Nothing is kept as when another process is at its very first entry. AuditError when it cannot be read.
        """
        if not text:
            return cls()
        try:
            kept = _decode(text)
            return cls(kept.entries, kept.size, kept.last, bytes.fromhex(kept.fingerprint))
        except ValueError as error:
            raise AuditError(str(error)) from error


class _Kept(msgspec.Struct):
    entries: int
    size: int
    last: int
    fingerprint: str


_decode = msgspec.json.Decoder(_Kept).decode


class TailFile:
    """The file of the tail. Only the holder of its lock makes entries durable."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def load(self) -> Tail:
        """The tail without the file being open; the start of a log where there is none."""
        try:
            with self.file.open("rb") as opened:
                fcntl.flock(opened, fcntl.LOCK_SH)  # nobody is in the middle of saving it
                return self._decode(opened.read(2 * _WIDTH))
        except FileNotFoundError:
            return Tail()
        except OSError as error:
            raise self._unreadable(error.strerror) from error

    def open(self) -> int:
        """A descriptor to read, save and lock it by."""
        return os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def read(self, fd: int) -> Tail:
        """The content of the file that `open` opened."""
        return self._decode(os.pread(fd, 2 * _WIDTH, 0))

    def save(self, fd: int, tail: Tail) -> None:
        """Save the tail. OSError when that cannot be done."""
        os.pwrite(fd, tail.encode(), 0)

    def _decode(self, text: bytes) -> Tail:
        try:
            return Tail.decode(text)
        except AuditError as error:
            raise self._unreadable(str(error)) from error

    def _unreadable(self, why: str | None) -> AuditError:
        hint = f"goodhoster audit verify tells how the log is; then remove {self.file}: the next entry makes it anew"
        return AuditError(f"{self.file} does not say where the audit log ends: {why}", hint=hint)
