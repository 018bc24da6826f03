"""Processes that handle hostile bytes, one frame asked and one answered, so that these cost no more than their limits.

A child lives for many questions, because starting one costs as much as asking a hundred, and is replaced after a while.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from goodhoster.linux import frames

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What asking may cost."""

    children: int = 1
    seconds: float = 20.0
    """Of wall time for one answer; then its child is ended."""
    lifetime: int = 2000
    """Answers that one child gives before it is replaced."""


USUAL = PoolLimits()


class Children:
    """Children that run one of our modules. Threads may share them; each waits for a child that is free."""

    def __init__(self, module: str, limits: PoolLimits = USUAL) -> None:
        self._module = module
        self._limits = limits
        self._free: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(limits.children):
            self._free.put(None)

    def ask(self, frame: bytes, understood: Callable[[bytes], Answer]) -> Answer:
        """What the answer means. OSError when the child is gone or too slow, and whatever `understood` raises; either
        way that child is ended.
        """
        with self._child() as child:
            try:
                return understood(child.ask(frame))
            except (OSError, ValueError, KeyError, TypeError):
                child.end()
                raise

    @contextlib.contextmanager
    def _child(self) -> Iterator[_Child]:
        slot = self._free.get()
        try:
            slot = slot or _Child(self._module, self._limits.seconds)
            yield slot
        finally:
            if slot is not None and (slot.ended or slot.asked >= self._limits.lifetime):
                slot.end()
                slot = None
            self._free.put(slot)

    def close(self) -> None:
        """End every child; a question that is under way is waited for. May be called twice."""
        slots = [self._free.get() for _ in range(self._limits.children)]
        for child in slots:
            if child is not None:
                child.end()
            self._free.put(None)


class _Child:
    def __init__(self, module: str, seconds: float) -> None:
        self.asked = 0
        self.ended = False
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(seconds)
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-I", "-m", module, str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,  # nothing is written there: it is closed when this process ends, however it does
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
            )

    def ask(self, frame: bytes) -> bytes:
        """The child's answer. OSError when it is gone or does not answer in time."""
        self.asked += 1
        frames.send(self._channel, frame)
        answer = frames.receive(self._channel)
        if answer is None:
            raise ConnectionResetError("the child is gone")
        return answer

    def end(self) -> None:
        """May be called twice."""
        self.ended = True
        self._channel.close()
        self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
