"""Answers to the requests of the clamd protocol, in the words of clamd."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock

from goodhoster.model.attempts import Attempt
from goodhoster.settings.doors import BY_UID
from goodhoster.upload_attempts import PARTIAL, AttemptAnswer, AttemptDecision, UploadAttempts
from goodhoster_agent.doors.clamd.peer import ClamdPeer
from goodhoster_agent.doors.clamd.protocol import COMMANDS, ClamdRequest
from goodhoster_agent.doors.streams import StreamContent, is_partial
from goodhoster_agent.privileged.opener.client import OpenedPath, Opener
from goodhoster_agent.privileged.opener.messages import NOT_A_FILE, OpenResult

_log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 30.0
"""For the next file below a path."""
_MOST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, over which connection."""

    peer: ClamdPeer
    connection: socket.socket | None = None
    """A copy of it, where the request names a path."""

    def close(self) -> None:
        """Release the copy."""
        if self.connection is not None:
            self.connection.close()


@dataclass(slots=True)
class DoorCounts:
    """What a door did since the start."""

    passed_unchecked: int = 0
    """Answers OK for what was not checked, as the door is set to fail open."""
    cut_off: int = 0
    """Streams that ended in the middle; they were not answered."""
    partial: int = 0
    """Streams that were only the beginning of a picture."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why contents were not checked."""
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers requests. Threads may share it."""

    attempts: UploadAttempts
    opener: Opener | None
    """None where no path is ever opened."""
    customer: str
    """A customer's id, or BY_UID."""
    customer_of_account: Callable[[str], str]
    """Tells whose an account of this machine is."""
    fail_open: bool
    version: str
    """What VERSION says."""
    figures: Callable[[], str]
    """What STATS says."""
    counts: DoorCounts = field(default_factory=DoorCounts)

    def at_once(self, request: ClamdRequest, peer: ClamdPeer) -> bytes | None:
        """The reply to a request that waits for nothing; None for one that does."""
        if request.stream is not None:
            return self._clear_at_once(request, request.stream, peer)
        if request.command in {"DETSTATS", "DETSTATSCLEAR"}:
            return b""
        texts = {
            "PING": lambda: "PONG",
            "VERSION": lambda: self.version,
            "VERSIONCOMMANDS": lambda: f"{self.version}| COMMANDS: {COMMANDS}",
            "RELOAD": lambda: "RELOADING",
            "SHUTDOWN": lambda: "COMMAND UNAVAILABLE",
            "QUIT": lambda: "COMMAND UNAVAILABLE",
            "STATS": self.figures,
        }
        text = texts.get(request.command)
        return None if text is None else request.reply(text().encode())

    def answer(self, request: ClamdRequest, caller: Caller) -> bytes:
        """Check what a request is about; the reply to it. What came with it is released."""
        try:
            if request.stream is not None:
                return request.reply(self._line(b"stream", self._stream(request, caller)))
            if request.fd >= 0:
                return request.reply(self._descriptor(request, caller))
            return b"".join(map(request.reply, self._paths(request, caller)))
        finally:
            request.close()

    def _clear_at_once(self, request: ClamdRequest, stream: StreamContent, peer: ClamdPeer) -> bytes | None:
        """The reply to a small stream that is clear and needs no other thread."""
        content = stream.content
        if isinstance(content, int) or is_partial(stream):
            return None
        answer = self.attempts.clear_at_once(content, self._attempt(peer))
        if answer is None:
            return None
        request.close()
        return request.reply(self._line(b"stream", answer))

    def _attempt(self, peer: ClamdPeer, name: str = "") -> Attempt:
        account = peer.account
        customer = self.customer_of_account(account) if self.customer == BY_UID else self.customer
        return Attempt(customer, name=name, door="clamd", peer=peer.name, proven=bool(account))

    def _stream(self, request: ClamdRequest, caller: Caller) -> AttemptAnswer:
        assert request.stream is not None  # noqa: S101 - the caller looked
        answer = self._check(request.stream.content, caller, partial=is_partial(request.stream))
        if answer.reason == PARTIAL:
            with self.counts.lock:
                self.counts.partial += 1
            _log.warning("a stream of %s was only the beginning of a picture; it is unchecked", caller.peer.name)
        return answer

    def _descriptor(self, request: ClamdRequest, caller: Caller) -> bytes:
        name = b"fd[%d]" % request.fd
        answer = self._check(request.fd, caller)
        if answer.reason == "no-file":
            return name + b": Not a regular file ERROR"
        return self._line(name, answer)

    def _paths(self, request: ClamdRequest, caller: Caller) -> Iterator[bytes]:
        """The lines about a path and what is below it.

        *OK* is said of a directory when every file in it is.
        """
        first_only, clear, files, directory = request.command in {"SCAN", "ALLMATCHSCAN"}, True, 0, False
        try:
            for found, fd in self._opened(request.argument, caller):
                directory |= found.finding is OpenResult.DIRECTORY
                if found.finding is OpenResult.PROBLEM:
                    clear = False
                    yield _problem(found.path, found.error, named=found.path == request.argument)
                elif found.finding is OpenResult.FILE:
                    files += 1
                    answer = self._file(found.path, fd, caller)
                    if answer.decision is AttemptDecision.REFUSED or self._is_error(answer):
                        clear = False
                        yield from self._lines(found.path, answer, every_match=request.command == "ALLMATCHSCAN")
                    if first_only and answer.decision is AttemptDecision.REFUSED:
                        return
                if files > _MOST_FILES:
                    clear = False
                    yield request.argument + b": Not checked: too many files. ERROR"
                    return
        except OSError as error:
            clear = False
            yield _problem(request.argument, error.errno or NOT_A_FILE, named=True)
        if clear and (files or not directory or request.command != "MULTISCAN"):
            yield request.argument + b": OK"

    def _opened(self, path: bytes, caller: Caller) -> Iterator[OpenedPath]:
        if not path.startswith(b"/"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        if self.opener is None or caller.connection is None or not caller.peer.account:
            raise PermissionError(errno.EACCES, "Permission denied")
        yield from self.opener.open(caller.connection, path, _TIMEOUT_SECONDS)

    def _file(self, path: bytes, fd: int, caller: Caller) -> AttemptAnswer:
        try:
            return self._check(fd, caller, os.fsdecode(path))
        finally:
            os.close(fd)

    def _check(self, content: bytes | int, caller: Caller, name: str = "", *, partial: bool = False) -> AttemptAnswer:
        return self._counted(self.attempts.check(content, self._attempt(caller.peer, name), partial=partial))

    def _counted(self, answer: AttemptAnswer) -> AttemptAnswer:
        if answer.decision is AttemptDecision.UNCHECKED:
            with self.counts.lock:
                self.counts.reasons[answer.reason] += 1
                self.counts.passed_unchecked += self.fail_open
        return answer

    def _is_error(self, answer: AttemptAnswer) -> bool:
        return answer.decision is AttemptDecision.UNCHECKED and not self.fail_open

    def _lines(self, name: bytes, answer: AttemptAnswer, *, every_match: bool) -> Iterator[bytes]:
        yield self._line(name, answer)
        if every_match and answer.decision is AttemptDecision.REFUSED:
            for number in range(2, len(answer.verdict.acting) + 1):
                yield name + f": Policy.Blocked-{answer.reference}.{number} FOUND".encode()

    def _line(self, name: bytes, answer: AttemptAnswer) -> bytes:
        """One line about one content. The name of what was found says nothing of it."""
        if answer.decision is AttemptDecision.REFUSED:
            return name + f": Policy.Blocked-{answer.reference} FOUND".encode()
        if self._is_error(answer):
            return name + f": Not checked ({answer.reason}) ERROR".encode()
        return name + b": OK"


def _problem(path: bytes, number: int, *, named: bool) -> bytes:
    """The line about a path that could not be opened."""
    if number == NOT_A_FILE:
        return path + b": Not supported file type ERROR"
    words = os.strerror(number).encode()
    return path + (b": File path check failure: %s. ERROR" % words if named else b": %s. ERROR" % words)
