"""A worker process as the pool sees it, which may hang, lie or die at any moment."""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Callable

from goodhoster.errors import PassingError
from goodhoster.linux import frames
from goodhoster.linux.child_process import Child, Started, StartedHere
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import POSTPONED, Content
from goodhoster_agent.hashing import messages

MODULE = "goodhoster_agent.hashing.worker"
_START_SECONDS = 60.0
SOON = 0.5
"""Seconds in which an ordinary picture is opened many times over; what takes longer is slow."""
_ENVIRONMENT = {
    # One picture is one core's work, and threads of a mathematics library would count against the limit of memory.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


Start = Callable[[socket.socket, ReadingLimits], Started]
"""Starts a worker at the other end of that socket. OSError when it cannot be started."""


def start_here(theirs: socket.socket, limits: ReadingLimits) -> StartedHere:
    """A `Start`: a child of this very process."""
    return StartedHere(theirs, MODULE, json.dumps(dataclasses.asdict(limits)), environment=_ENVIRONMENT)


class WorkerLostError(PassingError):
    """The worker hung or died over a file, and is gone."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class PlaceLostError(PassingError):
    """There is no room now for one more slow file."""

    def __init__(self) -> None:
        super().__init__("opening it takes long, and others are slow already")


class Worker:
    """A worker process. Not for use by two threads at once."""

    def __init__(self, limits: ReadingLimits, start: Start = start_here) -> None:
        self._limits = limits
        self._child = Child(lambda theirs: start(theirs, limits), messages.longest(limits.members))
        self.files = 0
        """How many it was given."""
        self.missing: list[str] = self._greeting()
        """What its sandbox lacks on this machine, in words."""

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def is_there(self) -> bool:
        """Whether the worker is alive; to be asked between two files."""
        return self._child.is_there()

    def open(self, fd: int, content: Content, slow: Callable[[], None] = lambda: None) -> Content:
        """Have the worker open a file: the content with what it tells of the inside.

        Nothing else that it tells is believed. WorkerLostError.

        `slow` is called once when that is not done `SOON`; when it raises PlaceLostError the worker is given up.
        """
        self.files += 1
        self._child.call_when_slow(slow, SOON)
        try:
            self._child.send(messages.encode_order(content), _START_SECONDS, fd)
            return messages.decode_inside(self._child.receive(self._limits.seconds), content)
        except (OSError, ValueError, PlaceLostError) as error:
            raise self._lost(error) from error

    def abandon(self) -> None:
        """End the process while another thread waits for its answer; that one sees that it is lost."""
        self._child.abandon()

    def stop(self) -> int:
        """End the worker at once; returns its status as `Popen.returncode`. May be called twice."""
        return self._child.end()

    def _greeting(self) -> list[str]:
        try:
            return [str(each) for each in frames.decode(self._child.receive(_START_SECONDS))]
        except (OSError, ValueError, TypeError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> WorkerLostError:
        ended = self.stop()
        if isinstance(error, PlaceLostError):
            return WorkerLostError(str(error), POSTPONED)
        if isinstance(error, TimeoutError):
            return WorkerLostError("opening it takes too long", "opening-too-slow")
        how = f"signal {-ended}" if ended < 0 else "an invalid answer"
        return WorkerLostError(f"opening it ended the process that did it ({how})", "opening-crashed")
