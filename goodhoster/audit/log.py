"""The audit log: one append-only file of lines, durable before anything is done, shared by all processes of a machine.

Writers take turns by a lock on the file itself, so the chain never forks. A line that a crash left half-written was
never acknowledged: it is cut off, and an entry says so. A log that was cut, rotated away or replaced is not written to
(see `tail`). What this machine alone cannot show is that somebody who may write log and tail made both anew: compare
with an earlier `root` that was kept elsewhere.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from goodhoster.audit.entries import as_line, fingerprint, read_line
from goodhoster.audit.merkle import MerkleTree
from goodhoster.audit.tail import Tail
from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditEntry, AuditEvent, AuditFinding
from goodhoster.ports import Clock

_LONGEST = 1 << 20
"""Bytes of a line with its newline."""


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class FileAuditLog:
    """See `ports.AuditLog`."""

    def __init__(self, file: Path, clock: Clock = utc_now) -> None:
        self._file = file
        self._tail_file = file.with_name(file.name + ".tail")
        self._clock = clock
        self._turn = threading.Lock()
        self._tail: Tail | None = None  # not looked at yet
        self._seen: tuple[int, int] | None = None  # device and inode of the file whose end that is

    def append(self, event: AuditEvent) -> AuditEntry:
        """See `ports.AuditLog`."""
        return self.append_all((event,))[0]

    def append_all(self, events: Sequence[AuditEvent]) -> list[AuditEntry]:
        """See `ports.AuditLog`."""
        if not events:
            return []
        try:
            with self._turn:
                tail = self._tail or Tail.load(self._tail_file)
                with self._opened_alone(tail) as fd:
                    self._recognise(fd, tail)
                    entries, self._tail = self._add(fd, self._caught_up(fd, tail), events)
                    self._tail.save(self._tail_file)
                    return entries
        except OSError as error:
            message = f"the audit log {self._file} cannot be written: {error.strerror}"
            raise AuditError(message, hint="nothing is acted on without it: put the disk right") from error

    def entries(self) -> Iterator[AuditEntry]:
        """See `ports.AuditLog`."""
        for number, line in enumerate(self._whole_lines()):
            try:
                yield read_line(line)
            except AuditError as error:
                raise AuditError(f"{self._file}, line {number + 1}: {error}", hint="goodhoster audit verify") from error

    def verify(self) -> AuditFinding:
        """See `ports.AuditLog`."""
        remembered, unreadable = self._remembered()
        tree, tail = MerkleTree(), Tail()
        for line in self._whole_lines():
            after = tail.after(line)
            problem = _problem(line, tail) or _differs(after, remembered)
            if problem:
                return _finding(tree, tail, problem)
            tree.add(line)
            tail = after
        return _finding(tree, tail, _missing(tail, remembered) or self._torn(tail.size) or unreadable)

    def _remembered(self) -> tuple[Tail, str]:
        """The end that was remembered, and what kept us from reading it."""
        try:
            return Tail.load(self._tail_file), ""
        except AuditError as error:
            return Tail(), str(error)

    def _torn(self, size: int) -> str:
        """Is there half a line at the end? Looked at while nobody writes."""
        if not self._file.exists():
            return ""
        with self._file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH)
            opened.seek(size)
            torn = any(not line.endswith(b"\n") for line in _lines(opened))
        return "the last line is cut off: by a crash (the next entry will say so), or by somebody" if torn else ""

    @contextmanager
    def _opened_alone(self, tail: Tail) -> Iterator[int]:
        """The log to write to, while nobody else does. It is made only where there never was one."""
        create = 0 if tail.entries else os.O_CREAT
        try:
            fd = os.open(self._file, os.O_RDWR | create | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileNotFoundError as error:
            raise self._lost(f"is gone, with {tail.entries} entries") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)

    def _recognise(self, fd: int, tail: Tail) -> None:
        """AuditError unless this is the file whose end we know, or a faithful copy of it."""
        found = os.fstat(fd)
        if found.st_size < tail.size:
            raise self._lost("is shorter than it was")
        if (found.st_dev, found.st_ino) != self._seen and not tail.is_in(fd):
            raise self._lost("is another one than it was")
        self._seen = found.st_dev, found.st_ino

    def _lost(self, how: str) -> AuditError:
        hint = f"put it back from a copy; to begin a new log, move what is left of it and {self._tail_file} away"
        return AuditError(f"the audit log {self._file} {how}", hint=hint)

    def _caught_up(self, fd: int, tail: Tail) -> Tail:
        """The end with what other processes wrote since; what a crash left half-written is cut off."""
        with open(fd, "rb", closefd=False) as opened:
            opened.seek(tail.size)
            for line in _lines(opened):
                if not line.endswith(b"\n"):
                    return self._cut_off(fd, tail, line)
                tail = self._after(tail, line[:-1])
        return tail

    def _cut_off(self, fd: int, tail: Tail, torn: bytes) -> Tail:
        os.ftruncate(fd, tail.size)
        event = AuditEvent("log.torn", {"bytes": len(torn), "sha256": fingerprint(torn).hex()})
        return self._add(fd, tail, (event,))[1]

    def _after(self, tail: Tail, line: bytes) -> Tail:
        problem = _problem(line, tail)
        if problem:
            raise AuditError(f"{self._file}, line {tail.entries + 1}: {problem}", hint="goodhoster audit verify")
        return tail.after(line)

    def _add(self, fd: int, tail: Tail, events: Sequence[AuditEvent]) -> tuple[list[AuditEntry], Tail]:
        entries, lines, after = [], [], tail
        for event in events:
            entry = AuditEntry(after.entries, self._clock(), event, after.fingerprint)
            line = as_line(entry)
            if len(line) >= _LONGEST:
                raise AuditError(f"an entry of {len(line)} bytes ({event.kind}) is too long for the audit log")
            entries.append(entry)
            lines.append(line + b"\n")
            after = after.after(line)
        _write_durably(fd, b"".join(lines), tail.size)
        if not tail.entries:
            _make_name_durable(self._file)
        return entries, after

    def _whole_lines(self) -> Iterator[bytes]:
        """Without their newlines; a last one that has none is somebody's write under way, or torn: not an entry."""
        try:
            with self._file.open("rb") as opened:
                yield from (line[:-1] for line in _lines(opened) if line.endswith(b"\n"))
        except FileNotFoundError:
            return
        except OSError as error:
            raise AuditError(f"the audit log {self._file} cannot be read: {error.strerror}") from error


def _lines(opened: BinaryIO) -> Iterator[bytes]:
    """The lines from here on. One that is too long to be an entry ends them, as if it had a newline: it is bad."""
    while line := opened.readline(_LONGEST):
        if len(line) == _LONGEST and not line.endswith(b"\n"):
            yield line + b"\n"
            return
        yield line


def _problem(line: bytes, tail: Tail) -> str:
    """What is wrong with a line that stands after that end; empty when nothing is."""
    try:
        entry = read_line(line)
    except AuditError as error:
        return str(error)
    if entry.number != tail.entries:
        return f"numbered {entry.number} where {tail.entries} belongs"
    return "" if entry.previous == tail.fingerprint else "not bound to the entry before it"


def _differs(tail: Tail, remembered: Tail) -> str:
    same = tail.entries != remembered.entries or tail == remembered
    return "" if same else "not the entry that was written here"


def _missing(tail: Tail, remembered: Tail) -> str:
    gone = remembered.entries - tail.entries
    return f"{gone} entries that were written after it are gone" if gone > 0 else ""


def _finding(tree: MerkleTree, tail: Tail, problem: str) -> AuditFinding:
    first_bad = tail.entries if problem else None
    return AuditFinding(tail.entries, tail.size, tree.root().hex(), first_bad, problem)


def _write_durably(fd: int, data: bytes, end: int) -> None:
    """All of it, on disk, or nothing: what failed is taken back to where the log ended."""
    try:
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fdatasync(fd)
    except OSError:
        os.ftruncate(fd, end)
        raise


def _make_name_durable(file: Path) -> None:
    fd = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
