"""The audit log: one append-only file of lines, shared by all processes of a machine.

An entry is durable before anything is done. It is written under a lock on the log, so the chain never forks, and made
durable under a lock on its tail: while one caller waits for the disk others write theirs, and the next sync is for all
of them. A line that a crash left half-written was never acknowledged: it is cut off, and an entry says so. A log that
was cut, rotated away or replaced is not written to (see `tail`). What this machine alone cannot show is that an
attacker who may write log and tail made both anew: compare with an earlier checkpoint that was kept elsewhere.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from goodhoster.audit.entries import as_line, bound_to, fingerprint, format_time, is_set_back, read_line, time_in
from goodhoster.audit.tail import Tail, TailFile
from goodhoster.audit.verification import Verification, VerifiedPart
from goodhoster.audit.verify import Checkpoint, NotVerifiedError, SignedNote
from goodhoster.errors import AuditError
from goodhoster.linux.durable_files import sync_directory
from goodhoster.linux.state_manifest import enroll_file, is_known
from goodhoster.model.audit import AuditEntry, AuditEvent, AuditFinding, AuditMark
from goodhoster.ports.common import Clock, utc_now

_LONGEST_LINE = 1 << 20
"""Bytes of a line with its newline."""
_ENTRIES_PER_PIECE = 2000
"""Entries that are verified at a stretch: some 30 ms."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Files:
    """Log and tail, open for writing.

    A lock belongs to what was opened, so a forked child opens its own.
    """

    log: int
    tail: int
    identity: tuple[int, int]
    """Device and inode of the log."""
    pid: int
    is_open: bool = True

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self.log)
            os.close(self.tail)


class FileAuditLog:
    """See `ports.AuditLog`.

    Locks are taken in this order: `_syncing`, the tail's, `_writing`, the log's.
    """

    def __init__(self, file: Path, clock: Clock = utc_now) -> None:
        self._file = file
        self._tail = TailFile(file.with_name(file.name + ".tail"))
        self._checkpoint = file.with_suffix(".checkpoint")
        self._clock = clock
        self._writing = threading.Lock()
        self._syncing = threading.Lock()
        self._files: _Files | None = None
        self._end = Tail()  # of what is written
        self._durable = Tail()  # of what is on disk
        self._latest = _NEVER  # when the last entry was made

    def append(self, event: AuditEvent) -> AuditEntry:
        """See `ports.AuditLog`."""
        return self.append_all((event,))[0]

    def append_all(self, events: Sequence[AuditEvent]) -> list[AuditEntry]:
        """See `ports.AuditLog`."""
        if not events:
            return []
        try:
            entries, end = self._write(events) or self._write_anew(events)
            self._make_durable(end)
        except OSError as error:
            message = f"the audit log {self._file} cannot be written: {error.strerror}"
            raise AuditError(message, hint="nothing is done without it: repair the disk, or make room on it") from error
        return entries

    def entries(self) -> Iterator[AuditEntry]:
        """See `ports.AuditLog`."""
        for number, line in enumerate(self.lines()):
            try:
                yield read_line(line)
            except AuditError as error:
                raise AuditError(f"{self._file}, line {number + 1}: {error}", hint="goodhoster audit verify") from error

    def lines(self) -> Iterator[bytes]:
        """The entries as they stand in the file, without their newlines.

        A last line that has none is being written by another process, or torn: not an entry.
        """
        return self._lines_from(0)

    def _lines_from(self, offset: int) -> Iterator[bytes]:
        try:
            with self._file.open("rb") as opened:
                opened.seek(offset)
                yield from (line[:-1] for line in _lines(opened) if line.endswith(b"\n"))
        except FileNotFoundError:
            return
        except OSError as error:
            raise AuditError(f"the audit log {self._file} cannot be read: {error.strerror}") from error

    def entries_from(self, position: int) -> Iterator[tuple[AuditEntry, int]]:
        """The durable entries behind that byte, each with the position behind it.

        Raises as `entries`.
        """
        end = self.durable_size()
        try:
            with self._file.open("rb") as opened:
                opened.seek(position)
                for line in _lines(opened):
                    if position + len(line) > end:
                        return
                    position += len(line)
                    yield read_line(line[:-1]), position
        except FileNotFoundError:
            return
        except OSError as error:
            raise AuditError(f"the audit log {self._file} cannot be read: {error.strerror}") from error

    def durable_size(self) -> int:
        """The bytes of the entries that nothing can undo any more."""
        return self._tail.load().size

    def durable_entries(self) -> int:
        """The number of entries that nothing can undo any more: what may be signed."""
        return self._tail.load().entries

    def verify(self, marks: Sequence[AuditMark] = (), at_least: int = 0) -> AuditFinding:
        """See `ports.AuditLog`."""
        return self.verify_behind(VerifiedPart(), marks, at_least)[0]

    def verify_behind(
        self,
        part: VerifiedPart,
        marks: Sequence[AuditMark] = (),
        at_least: int = 0,
        between: Callable[[], None] = lambda: None,
    ) -> tuple[AuditFinding, VerifiedPart]:
        """Verify what came behind a part that was verified before.

        The last entry of that part must still be there.

        `between` is called every few thousand entries: it may wait, or raise to end it.
        """
        remembered, unreadable = self._remembered()
        verification = Verification(remembered, marks, part)
        if not self._ends(part.end):
            verification.refuse_beginning()
        elif all(verification.take(line) for line in _in_pieces(self._lines_from(part.end.size), between)):
            verification.finish(at_least, self._torn_line(verification.size) or unreadable)
        return verification.finding(), verification.part()

    def _ends(self, end: Tail) -> bool:
        """Whether the log has its entry there that ended it once."""
        if not end.entries:
            return True
        try:
            with self._file.open("rb") as opened:
                return end.last_line(opened.fileno()) is not None
        except FileNotFoundError:
            return False
        except OSError as error:
            raise AuditError(f"the audit log {self._file} cannot be read: {error.strerror}") from error

    def _remembered(self) -> tuple[Tail, str]:
        """The recorded end, and the problem that kept us from reading it."""
        try:
            return self._tail.load(), ""
        except AuditError as error:
            return Tail(), str(error)

    def _torn_line(self, size: int) -> str:
        """Whether there is half a line at the end; looked at while no process writes."""
        if not self._file.exists():
            return ""
        with self._file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH)
            opened.seek(size)
            torn = any(not line.endswith(b"\n") for line in _lines(opened))
        return "the last line is cut off: by a crash (the next entry will say so), or by somebody" if torn else ""

    def _write(self, events: Sequence[AuditEvent]) -> tuple[list[AuditEntry], Tail] | None:
        """Write entries for the events where this process last wrote.

        None where it never did, or the end is another now.
        """
        with self._writing:
            files = self._files
            if not files or files.pid != os.getpid():
                return None
            with _Locked(files.log):
                if not self._is_as_we_left_it(files):
                    return None
                self._catch_up(files.log)
                return self._add(files.log, events)

    def _write_anew(self, events: Sequence[AuditEvent]) -> tuple[list[AuditEntry], Tail]:
        """Write entries as `_write` does, after looking for the end of the log."""
        with self._syncing:
            files = self._open()
            try:
                with _Locked(files.tail), self._writing, _Locked(files.log):
                    self._use_files(files)
                    self._catch_up(files.log)
                    return self._add(files.log, events)
            finally:
                if self._files is not files:
                    files.close()

    def _use_files(self, files: _Files) -> None:
        """Continue with these files."""
        self._end, self._latest = self._find_end(files)
        if self._end.entries:
            self._enroll()
        if self._files:
            self._files.close()
        self._files = files
        weakref.finalize(self, files.close)

    def _enroll(self) -> None:
        enroll_file(self._file.parent, self._file, "the audit log")

    def _make_durable(self, end: Tail) -> None:
        """Return when everything up to that end is on disk.

        By a sync of our own, or by one for others before it.
        """
        with self._syncing:
            files = self._files
            assert files is not None  # noqa: S101 - something was written
            if self._durable.size >= end.size:
                self._expect_there(files, end)
                return
            with _Locked(files.tail):
                self._durable = self._tail.read(files.tail)
                self._expect_there(files, end)
                if self._durable.size < end.size:
                    self._durable = self._sync(files, self._durable)

    @staticmethod
    def _expect_there(files: _Files, end: Tail) -> None:
        """Raise OSError when what was written up to there was undone, because a sync for it failed."""
        if end.last_line(files.log) is None:
            raise OSError(errno.EIO, "what was written together with it could not be made durable")

    def _sync(self, files: _Files, tail: Tail) -> Tail:
        """Make all that is written by now durable.

        Where that fails, all of it is taken back: none is acknowledged.
        """
        newest = self._newest(files)
        try:
            os.fdatasync(files.log)
            if not tail.entries:
                sync_directory(self._file.parent)
        except OSError:
            self._take_back(files, tail)
            raise
        self._tail.save(files.tail, newest)
        if not tail.entries:
            self._enroll()
        return newest

    def _newest(self, files: _Files) -> Tail:
        """The end with what other processes wrote since."""
        end = self._end
        if os.fstat(files.log).st_size == end.size:
            return end
        with self._writing, _Locked(files.log):
            self._catch_up(files.log)
            return self._end

    def _take_back(self, files: _Files, tail: Tail) -> None:
        with self._writing, _Locked(files.log):
            self._end = self._durable = tail
            os.ftruncate(files.log, tail.size)

    def _open(self) -> _Files:
        """Open log and tail."""
        tail = self._tail.open()
        try:
            log = self._open_log(max(self._end.entries, self._tail.read(tail).entries))
            found = os.fstat(log)
        except BaseException:
            os.close(tail)
            raise
        return _Files(log, tail, (found.st_dev, found.st_ino), os.getpid())

    def _open_log(self, known: int) -> int:
        """Open the log; it is created only where there never was one."""
        known = known or self._signed_entries()
        create = 0 if known or self._was_there() else os.O_CREAT
        try:
            return os.open(self._file, os.O_RDWR | create | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileNotFoundError as error:
            raise self._lost(f"is gone, with {known} entries" if known else "is gone") from error

    def _was_there(self) -> bool:
        """Whether a log with an entry was there once."""
        return is_known(self._file.parent, self._file)

    def _signed_entries(self) -> int:
        """The number of entries by the newest checkpoint.

        0 where there is none, or none that can be read.
        """
        try:
            return Checkpoint.read(SignedNote.read(self._checkpoint.read_bytes()).text).size
        except (OSError, NotVerifiedError):
            return 0

    def _is_as_we_left_it(self, files: _Files) -> bool:
        """Whether it is the file that we know, with our last entry where we left it."""
        with suppress(FileNotFoundError):
            found = os.stat(self._file)
            if (found.st_dev, found.st_ino) == files.identity and found.st_size >= self._end.size:
                return self._end.last_line(files.log) is not None
        return False

    def _find_end(self, files: _Files) -> tuple[Tail, datetime]:
        """The last end that is known, and when that entry was made.

        AuditError unless this is the file that we knew, or a faithful copy of it.
        """
        remembered = self._tail.read(files.tail)
        ours = self._end if self._end.entries > remembered.entries else remembered
        if not ours.entries and not os.fstat(files.log).st_size:
            if signed := self._signed_entries():
                raise self._lost(f"is empty, with {signed} entries gone")
            if self._was_there():
                raise self._lost("is empty, and was not")
        for end in (ours, remembered):
            line = end.last_line(files.log)
            if line is not None and end.entries >= self._durable.entries:
                return end, time_in(line) if line else _NEVER
        shorter = os.fstat(files.log).st_size < ours.size
        raise self._lost("is shorter than it was" if shorter else "is another one than it was")

    def _lost(self, how: str) -> AuditError:
        begin = f"move {self._file} away, if it is there, then: goodhoster state accept-loss {self._file.name}"
        hint = f"restore it from a copy; to begin a new log, {begin}"
        return AuditError(f"the audit log {self._file} {how}", hint=hint)

    def _catch_up(self, fd: int) -> None:
        """Read on to the end that other processes made; what a crash left half-written is cut off."""
        size = os.fstat(fd).st_size
        if size < self._end.size:
            raise self._lost("is shorter than it was")
        if size == self._end.size:
            return
        with open(fd, "rb", closefd=False) as opened:
            opened.seek(self._end.size)
            for line in _lines(opened):
                if not line.endswith(b"\n"):
                    self._cut_off(fd, line)
                    return
                self._take(line[:-1])

    def _take(self, line: bytes) -> None:
        """Accept an entry of another process.

        That it is bound to the one before is enough here; `verify` checks the rest.
        """
        end = self._end
        if not line.endswith(bound_to(end.entries, end.fingerprint)):
            message = f"{self._file}, line {end.entries + 1}: not bound to the entry before it"
            raise AuditError(message, hint="goodhoster audit verify")
        self._end, self._latest = end.after(line), time_in(line)

    def _cut_off(self, fd: int, torn: bytes) -> None:
        os.ftruncate(fd, self._end.size)
        self._add(fd, (AuditEvent("log.torn", {"bytes": len(torn), "sha256": fingerprint(torn).hex()}),))

    def _add(self, fd: int, events: Sequence[AuditEvent]) -> tuple[list[AuditEntry], Tail]:
        """Write entries for the events at the end of the log.

        Before them one that says so where the clock was set back.
        """
        entries, lines, end, latest = [], [], self._end, self._latest
        for event in events:
            now = self._clock()
            if is_set_back(latest, now):
                told = AuditEvent("log.clock-set-back", {"before": format_time(latest), "now": format_time(now)})
                lines.append(as_line(AuditEntry(end.entries, now, told, end.fingerprint)))
                end = end.after(lines[-1])
            entry = AuditEntry(end.entries, now, event, end.fingerprint)
            line = as_line(entry)
            if len(line) >= _LONGEST_LINE:
                raise AuditError(f"an entry of {len(line)} bytes ({event.kind}) is too long for the audit log")
            entries.append(entry)
            lines.append(line)
            end, latest = end.after(line), now
        _write_whole(fd, b"".join(line + b"\n" for line in lines), self._end.size)
        self._end, self._latest = end, latest
        return entries, end


class _Locked:
    """An exclusive lock on that descriptor for as long as the block runs."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)


def _lines(opened: BinaryIO) -> Iterator[bytes]:
    """The lines from the current position on.

    One that is too long to be an entry ends them, as if it had a newline: it is bad.
    """
    while line := opened.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            yield line + b"\n"
            return
        yield line


def _in_pieces(lines: Iterator[bytes], between: Callable[[], None]) -> Iterator[bytes]:
    for number, line in enumerate(lines, 1):
        yield line
        if not number % _ENTRIES_PER_PIECE:
            between()


def _write_whole(fd: int, data: bytes, end: int) -> None:
    """Write all of it, or nothing: what failed is undone to where the log ended."""
    try:
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(fd, end)
        raise
