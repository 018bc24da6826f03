"""Bounded buffer between the thread that reads the kernel's queue and the parsing thread.

Losses are reported.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

_LIMIT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Taken:
    """The next piece, as it was put."""

    content: bytes
    lost: bool
    """Pieces before this one were dropped."""


class EventBuffer:
    """Pieces of bytes in order.

    `put` never blocks: over the limit, pieces are dropped.
    """

    def __init__(self, limit: int = _LIMIT_BYTES) -> None:
        self._limit = limit
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._lost = False
        self._ended = False
        self._changed = threading.Condition()

    @property
    def waits(self) -> bool:
        """Whether a piece can be taken at once."""
        return bool(self._pieces)

    def put(self, piece: bytes) -> None:
        """Add a piece, or drop it and remember that."""
        with self._changed:
            if self._size + len(piece) > self._limit:
                self._lost = True
                return
            self._pieces.append(piece)
            self._size += len(piece)
            self._changed.notify()

    def take(self) -> Taken | None:
        """The next piece, waiting for it; None after the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._ended)
            if not self._pieces:
                return None
            piece = self._pieces.popleft()
            self._size -= len(piece)
            lost, self._lost = self._lost, False
            return Taken(piece, lost)

    def end(self) -> None:
        """End the buffer: nothing more is put; what is there may still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
