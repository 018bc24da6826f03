"""Reads raw notices in processes of their own, so that a hostile one costs no more than its limits and hurts nobody.

A child lives for many notices, because starting one costs as much as reading a hundred, and is replaced after a while.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from goodhoster.model.notices import RawNotice, ReadNotice
from goodhoster.notices import frames
from goodhoster.notices.mail import LARGEST_MAIL
from goodhoster.notices.reading import unreadable
from goodhoster.notices.wire import notice_of

_ARGV = (sys.executable, "-I", "-m", "goodhoster.notices.child")


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """What reading may cost."""

    children: int = 1
    seconds: float = 20.0
    """Of wall time for one notice; then its child is ended."""
    lifetime: int = 2000
    """Notices that one child reads before it is replaced."""


class ReadingRoom:
    """A `NoticeReader`. Threads may share it; each waits for a child that is free."""

    def __init__(self, limits: RoomLimits = RoomLimits()) -> None:
        self._limits = limits
        self._free: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(limits.children):
            self._free.put(None)

    def read(self, raw: RawNotice) -> ReadNotice:
        """What the notice says; *unreadable*, with the reason, when reading it broke a limit or a child."""
        if len(raw.content) > LARGEST_MAIL:
            return unreadable(f"the message: {len(raw.content)}, more than {LARGEST_MAIL}", raw)
        with self._child() as child:
            try:
                return notice_of(json.loads(child.ask(f"{raw.carrier}\n".encode() + raw.content)))
            except (OSError, ValueError, KeyError, TypeError) as error:
                child.end()
                return unreadable(f"reading it failed or took too long ({type(error).__name__})", raw)

    @contextlib.contextmanager
    def _child(self) -> Iterator[_Child]:
        slot = self._free.get()
        try:
            slot = slot or _Child(self._limits.seconds)
            yield slot
        finally:
            if slot is not None and (slot.ended or slot.asked >= self._limits.lifetime):
                slot.end()
                slot = None
            self._free.put(slot)

    def close(self) -> None:
        """End every child; a read that is under way is waited for. May be called twice."""
        slots = [self._free.get() for _ in range(self._limits.children)]
        for child in slots:
            if child is not None:
                child.end()
            self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Child:
    def __init__(self, seconds: float) -> None:
        self.asked = 0
        self.ended = False
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(seconds)
        with theirs:
            self._process = subprocess.Popen(
                [*_ARGV, str(theirs.fileno())],
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
