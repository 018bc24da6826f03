"""The starter as the daemon sees it: another process that does what the daemon may not."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

from goodhoster.linux import frames
from goodhoster.linux.programs import SECONDS, Ended
from goodhoster.model.limits import ReadingLimits
from goodhoster_agent.privileged.starter.messages import StarterOrder, send_order

Answer = TypeVar("Answer")
_TIMEOUT_SECONDS = 30.0
"""Seconds for an answer; a starter that has died is back in one."""
_TRIES = 3


class StarterClient:
    """The daemon's client of the starter. Threads may share it.

    While the starter is away orders wait for the next one; whatever cannot be had is an OSError, as if this process
    had tried itself.
    """

    def __init__(self, starter: socket.socket) -> None:
        self._starter = starter

    def start_hasher(self, theirs: socket.socket, limits: ReadingLimits) -> HasherElsewhere:
        """A `hashing.process.Start`."""

        def order() -> HasherElsewhere:
            channel = self._ordered(StarterOrder.HASHER, theirs.fileno())
            frames.send_value(channel, dataclasses.asdict(limits))
            return HasherElsewhere(channel, frames.receive_value(channel))

        return _tried(order)

    def run(self, argv: Sequence[str], given: bytes = b"") -> Ended:
        """A `programs.Run`: with the rights of the starter. Ordered once, whatever comes of it."""
        with self._ordered(StarterOrder.RUN) as channel:
            channel.settimeout(SECONDS + _TIMEOUT_SECONDS)
            frames.send_value(channel, list(argv))
            frames.send(channel, given)
            code = frames.receive_value(channel)
            if isinstance(code, str):
                raise OSError(code)
            return Ended(code, frames.receive_content(channel), frames.receive_content(channel))

    def new_group(self, *, unlimited: bool = True) -> int:
        """See `watching.marks.Marks`."""

        def order() -> int:
            with self._ordered(StarterOrder.GROUP) as channel:
                frames.send_value(channel, unlimited)
                _raise(frames.receive_value(channel))
                _, (group,), _, _ = socket.recv_fds(channel, 1, 1)
                return group

        return _tried(order)

    def mark_file_system(self, group: int, path: bytes, *, writes: bool = False) -> None:
        """See `watching.marks.Marks`."""
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _tried(lambda: self._mark(group, directory, writes=writes))
        finally:
            os.close(directory)

    def _mark(self, group: int, directory: int, *, writes: bool) -> None:
        with self._ordered(StarterOrder.MARK, group, directory) as channel:
            frames.send_value(channel, writes)
            _raise(frames.receive_value(channel))

    def _ordered(self, verb: StarterOrder, *files: int) -> socket.socket:
        channel = send_order(self._starter, verb, files)
        channel.settimeout(_TIMEOUT_SECONDS)
        return channel


class HasherElsewhere:
    """A hasher process that is a child of the starter.

    Were the starter to die, it would still end when its own channel is closed.
    """

    def __init__(self, channel: socket.socket, pid: int) -> None:
        self._channel = channel
        self._ended: int | None = None
        self.pid = pid
        """See `hashing.process.Started`."""

    def end(self) -> int:
        """See `hashing.process.Started`."""
        if self._ended is None:
            self._ended = self._exit_status()
        return self._ended

    def _exit_status(self) -> int:
        with self._channel:
            try:
                self._channel.shutdown(socket.SHUT_WR)
                return int(frames.receive_value(self._channel))
            except OSError:
                return -9  # nobody is there to tell


def _tried(order: Callable[[], Answer]) -> Answer:
    """Try an order again when the starter dies over it: the next one gets it."""
    for _ in range(_TRIES - 1):
        try:
            return order()
        except (ConnectionError, TimeoutError):
            continue
    return order()


def _raise(code: int) -> None:
    if code:
        raise OSError(code, os.strerror(code))
