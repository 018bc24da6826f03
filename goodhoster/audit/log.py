"""The audit log: one append-only file of lines, durable before anything is done, shared by all processes of a machine.

Writers take turns by a lock on the file itself, so the chain never forks. A line that a crash left half-written was
never acknowledged: it is cut off, and an entry says so. What this file alone cannot show is that its newest entries
were cut off by somebody who may write it: compare with an earlier `root` that was kept elsewhere.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from goodhoster.audit.entries import FIRST, as_line, fingerprint, read_line
from goodhoster.audit.merkle import MerkleTree
from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditEntry, AuditEvent, AuditFinding
from goodhoster.ports import Clock

_LONGEST = 1 << 20


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class FileAuditLog:
    """See `ports.AuditLog`."""

    def __init__(self, file: Path, clock: Clock = utc_now) -> None:
        self._file = file
        self._clock = clock
        self._turn = threading.Lock()
        self._end, self._number, self._previous = 0, 0, FIRST

    def append(self, event: AuditEvent) -> AuditEntry:
        """See `ports.AuditLog`."""
        try:
            with self._turn, self._opened() as fd:
                self._catch_up(fd)
                return self._write(fd, event)
        except OSError as error:
            message = f"the audit log {self._file} cannot be written: {error.strerror}"
            raise AuditError(message, hint="nothing is acted on without it: put the disk right") from error

    def entries(self) -> Iterator[AuditEntry]:
        """See `ports.AuditLog`."""
        for number, line in enumerate(self._lines()):
            try:
                yield read_line(line)
            except AuditError as error:
                raise AuditError(f"{self._file}, line {number + 1}: {error}", hint="goodhoster audit verify") from error

    def verify(self) -> AuditFinding:
        """See `ports.AuditLog`."""
        tree, count, size, previous = MerkleTree(), 0, 0, FIRST
        for line in self._lines():
            problem = _problem(line, count, previous)
            if problem:
                return AuditFinding(count, size, tree.root().hex(), first_bad=count, problem=problem)
            tree.add(line)
            count, size, previous = count + 1, size + len(line) + 1, fingerprint(line)
        if self._torn(size):
            problem = "the last line is cut off: by a crash (the next entry will say so), or by somebody"
            return AuditFinding(count, size, tree.root().hex(), first_bad=count, problem=problem)
        return AuditFinding(count, size, tree.root().hex())

    def _torn(self, size: int) -> bool:
        """Is there half a line at `size`? Looked at while nobody writes."""
        if not self._file.exists():
            return False
        with self._opened() as fd:
            rest = _read_from(fd, size)
        return bool(rest) and b"\n" not in rest

    @contextmanager
    def _opened(self) -> Iterator[int]:
        fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)

    def _catch_up(self, fd: int) -> None:
        """Learn what other processes wrote since; cut off what a crash left half-written."""
        size = os.fstat(fd).st_size
        if size == self._end:
            return
        if size < self._end:
            hint = "somebody cut it: keep a copy, then: goodhoster audit verify"
            raise AuditError(f"the audit log {self._file} is shorter than it was", hint=hint)
        *whole, torn = _read_from(fd, self._end).split(b"\n")
        for line in whole:
            self._take(line)
        if torn:
            os.ftruncate(fd, self._end)
            self._write(fd, AuditEvent("log.torn", {"bytes": len(torn), "sha256": fingerprint(torn).hex()}))

    def _take(self, line: bytes) -> None:
        problem = _problem(line, self._number, self._previous)
        if problem:
            raise AuditError(f"{self._file}, line {self._number + 1}: {problem}", hint="goodhoster audit verify")
        self._end += len(line) + 1
        self._number, self._previous = self._number + 1, fingerprint(line)

    def _write(self, fd: int, event: AuditEvent) -> AuditEntry:
        entry = AuditEntry(self._number, self._clock(), event, self._previous)
        line = as_line(entry)
        if os.write(fd, line + b"\n") != len(line) + 1:
            os.ftruncate(fd, self._end)
            raise AuditError(f"the audit log {self._file} cannot be written: the disk is full", hint="make room")
        os.fdatasync(fd)
        self._take(line)
        return entry

    def _lines(self) -> Iterator[bytes]:
        """The whole lines; a last one without newline is somebody's write under way, or torn: not an entry."""
        try:
            with self._file.open("rb") as opened:
                while (line := opened.readline(_LONGEST)).endswith(b"\n"):
                    yield line[:-1]
        except FileNotFoundError:
            return
        except OSError as error:
            raise AuditError(f"the audit log {self._file} cannot be read: {error.strerror}") from error
        if len(line) == _LONGEST:
            yield line  # no entry is so long: let the reader say so


def _problem(line: bytes, number: int, previous: bytes) -> str:
    try:
        entry = read_line(line)
    except AuditError as error:
        return str(error)
    if entry.number != number:
        return f"numbered {entry.number} where {number} belongs"
    return "" if entry.previous == previous else "not bound to the entry before it"


def _read_from(fd: int, offset: int) -> bytes:
    parts = []
    while block := os.pread(fd, 1 << 20, offset):
        parts.append(block)
        offset += len(block)
    return b"".join(parts)
