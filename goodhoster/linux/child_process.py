"""Child processes that handle hostile bytes within limits.

Hostile bytes cost no more than these limits and harm no other process. A child lives for many requests, because
starting one costs as much as a hundred requests, and is replaced after a while.
"""

from __future__ import annotations

import contextlib
import queue
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from goodhoster.linux import frames

Answer = TypeVar("Answer")


class Started(Protocol):
    """A child's process, from the side of the process that had it started."""

    @property
    def pid(self) -> int:
        """The process id."""

    def end(self) -> int:
        """End the process at once; returns its status as `Popen.returncode`. May be called twice."""


class StartedHere:
    """A child of this very process that runs one of our modules, and ends with it."""

    def __init__(
        self, theirs: socket.socket, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-W", "ignore", "-m", module, str(theirs.fileno()), *arguments],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.PIPE,  # nothing is written there: it is closed when this process ends, however it does
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # decoders complain there in an outsider's words
            cwd="/",
            env=environment or {},
            start_new_session=True,  # a Ctrl-C at the terminal is for the parent to hear
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


class Child:
    """A process at the other end of a socket, which may hang, lie or die at any moment.

    For one thread at a time.
    """

    def __init__(self, start: Callable[[socket.socket], Started], largest: int = frames.LARGEST_FRAME) -> None:
        """Start the child with `start`, at the other end of a socket.

        OSError when that cannot be done.
        """
        self._frames = frames.Unframer(largest)
        self._slow_at = float("inf")
        self._slow: Callable[[], None] = lambda: None
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = start(theirs)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def is_there(self) -> bool:
        """Whether the child still runs; to be asked between two requests, when it sends nothing."""
        readable = select.poll()
        readable.register(self._channel, select.POLLIN)
        return not readable.poll(0)

    def send(self, content: bytes, seconds: float, file: int | None = None) -> None:
        """Send one frame, and an open file with it.

        OSError when the child is gone or does not take it in time.
        """
        self._channel.settimeout(seconds)
        frames.send(self._channel, content, file)

    def receive(self, seconds: float) -> bytes:
        """The next frame.

        OSError when the child is gone or says nothing in time, ValueError for what is no frame.
        """
        until = time.monotonic() + seconds
        while (frame := self._frames.take()) is None:
            piece = self._next_piece(until)
            if not piece:
                raise ConnectionResetError("the child is gone")
            self._frames.add(piece)
        return frame

    def call_when_slow(self, slow: Callable[[], None], seconds: float) -> None:
        """Call `slow` once, from within `receive`, when the answers take longer.

        Whatever it raises is raised there.
        """
        self._slow, self._slow_at = slow, time.monotonic() + seconds

    def abandon(self) -> None:
        """End the child while another thread waits for its answer.

        That thread sees that it is gone.
        """
        self._process.end()

    def end(self) -> int:
        """End the child at once; returns its exit status as `Popen.returncode`. May be called twice."""
        ended = self._process.end()
        self._channel.close()
        return ended

    def _next_piece(self, until: float) -> bytes:
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


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """The limits on the cost of requests."""

    children: int = 1
    seconds: float = 20.0
    """Of wall time for one answer; then its child is ended."""
    lifetime: int = 2000
    """Answers that one child gives before it is replaced."""


USUAL = PoolLimits()


class Children:
    """Children of one module. Threads may share them; each waits for one that is free."""

    def __init__(self, module: str, limits: PoolLimits = USUAL) -> None:
        self._module = module
        self._limits = limits
        self._free: queue.LifoQueue[_Asked | None] = queue.LifoQueue()
        for _ in range(limits.children):
            self._free.put(None)

    def ask(self, frame: bytes, decode: Callable[[bytes], Answer]) -> Answer:
        """The decoded answer to a request.

        OSError when the child is gone or too slow, and whatever `decode` raises; either way that child is
        ended.
        """
        with self._child() as asked:
            try:
                asked.count += 1
                asked.child.send(frame, self._limits.seconds)
                return decode(asked.child.receive(self._limits.seconds))
            except (OSError, ValueError, KeyError, TypeError):
                asked.lost = True
                raise

    @contextlib.contextmanager
    def _child(self) -> Iterator[_Asked]:
        slot = self._free.get()
        try:
            slot = slot or _Asked(Child(lambda theirs: StartedHere(theirs, self._module)))
            yield slot
        finally:
            if slot is not None and (slot.lost or slot.count >= self._limits.lifetime):
                slot.child.end()
                slot = None
            self._free.put(slot)

    def close(self) -> None:
        """End every child; a request that is under way is waited for. May be called twice."""
        slots = [self._free.get() for _ in range(self._limits.children)]
        for slot in slots:
            if slot is not None:
                slot.child.end()
            self._free.put(None)


@dataclass(slots=True)
class _Asked:
    """A child, and how often it was asked."""

    child: Child
    count: int = 0
    lost: bool = False
