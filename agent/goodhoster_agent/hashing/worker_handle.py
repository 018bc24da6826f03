"""A worker as the pool sees it: a process at the other end of a socket, which may hang, lie or die at any moment."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Protocol

from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import POSTPONED, Content
from goodhoster_agent.hashing import messages

_START_SECONDS = 60.0
SOON = 0.5
"""Seconds in which an ordinary picture is read and opened many times over; what takes longer is slow."""
_SLOWEST_DISK = 1 << 20
"""Bytes a second: a worker that takes longer over the digests hangs."""
_ENVIRONMENT = {
    # One picture is one core's work, and threads of a mathematics library would count against the limit of memory.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


class Started(Protocol):
    """The process of a worker, from the side of whoever had it started."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def end(self) -> int:
        """End it at once. How it ended, as `Popen.returncode` says it. May be called twice."""


Start = Callable[[socket.socket, ReadingLimits], Started]
"""Starts a worker at the other end of that socket. OSError when it cannot be started."""


class StartedHere:
    """A child of this very process, and ended with it."""

    def __init__(self, theirs: socket.socket, limits: ReadingLimits) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-W", "ignore", "-m", _MODULE, str(theirs.fileno()), _as_json(limits)],
            env=_ENVIRONMENT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.PIPE,  # nothing is written there: it is closed when this process ends, however it does
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # decoders complain there in an outsider's words
            start_new_session=True,  # a Ctrl-C at the terminal is for the pool to hear
        )

    @property
    def pid(self) -> int:
        """See `Started`."""
        return self._process.pid

    def end(self) -> int:
        """See `Started`."""
        self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        return self._process.wait()


class WorkerLostError(Exception):
    """The worker hung or died over a file, and is gone. `content` holds the digests if it had told them."""

    def __init__(self, message: str, reason: str, content: Content | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.content = content


class PlaceLostError(Exception):
    """There is no room for one more slow file now."""


class Worker:
    """One process. Not for use by two threads at once."""

    def __init__(self, limits: ReadingLimits, start: Start = StartedHere) -> None:
        self._limits = limits
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = start(theirs, limits)
        self._heard = bytearray()
        self._slow_at = float("inf")
        self._slow: Callable[[], None] = lambda: None
        self.files = 0
        """How many it was given."""
        self.missing: list[str] = self._greeting()
        """What its sandbox lacks on this machine, in words."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def is_there(self) -> bool:
        """To be asked between two files: a worker says nothing then, so whatever can be read is its end."""
        heard = select.poll()
        heard.register(self._channel, select.POLLIN)
        return not heard.poll(0)

    def read(self, fd: int, slow: Callable[[], None] = lambda: None) -> Content:
        """Let it read and open a file. UncheckedError when the digests could not be taken, WorkerLostError.

        `slow` is called once when that is not done `SOON`; when it raises PlaceLostError the worker is given up.
        """
        self.files += 1
        self._slow, self._slow_at = slow, time.monotonic() + SOON
        try:
            messages.send_file(self._channel, fd)
            content = messages.decode_digests(self._line(_START_SECONDS + os.fstat(fd).st_size / _SLOWEST_DISK))
        except (OSError, ValueError, PlaceLostError) as error:
            raise self._lost(error) from error
        try:
            return messages.decode_inside(self._line(self._limits.seconds), content)
        except (OSError, ValueError, PlaceLostError) as error:
            raise self._lost(error, content) from error

    def abandon(self) -> None:
        """End the process while another thread waits for its answer; that one sees that it is lost."""
        self._process.end()

    def stop(self) -> int:
        """End it at once. How it ended, as `Popen.returncode` says it. May be called twice."""
        ended = self._process.end()
        self._channel.close()
        return ended

    def _greeting(self) -> list[str]:
        try:
            return [str(each) for each in messages.read_line(self._line(_START_SECONDS))]
        except (OSError, ValueError, TypeError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception, content: Content | None = None) -> WorkerLostError:
        ended = self.stop()
        if isinstance(error, PlaceLostError):
            return WorkerLostError("opening it takes long, and others are slow already", POSTPONED, content)
        if isinstance(error, TimeoutError):
            return WorkerLostError("opening it takes too long", "opening-too-slow", content)
        how = f"signal {-ended}" if ended < 0 else "an answer that is none"
        return WorkerLostError(f"opening it ended the process that did it ({how})", "opening-crashed", content)

    def _line(self, seconds: float) -> bytes:
        """The next whole line, or what there is of it when the worker ended; TimeoutError."""
        until = time.monotonic() + seconds
        longest = messages.longest(self._limits.members)
        while (end := self._heard.find(b"\n")) < 0 and len(self._heard) < longest:
            block = self._next_block(until)
            if not block:
                break
            self._heard += block
        text = bytes(self._heard[: end + 1]) if end >= 0 else bytes(self._heard)
        del self._heard[: len(text)]
        return text

    def _next_block(self, until: float) -> bytes:
        while True:
            self._channel.settimeout(max(0.001, min(until, self._slow_at) - time.monotonic()))
            try:
                return self._channel.recv(1 << 16)
            except TimeoutError:
                if time.monotonic() >= until:
                    raise
                if time.monotonic() >= self._slow_at:
                    self._slow_at = float("inf")
                    self._slow()


_MODULE = "goodhoster_agent.hashing.worker"


def _as_json(limits: ReadingLimits) -> str:
    return json.dumps(dataclasses.asdict(limits))
