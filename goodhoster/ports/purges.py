"""Ports of purges: who empties a cache, and the queue they wait in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from goodhoster.model.purges import Purge


class CachePurge(Protocol):
    """Has a cache that others keep (a CDN) forget addresses."""

    @property
    def at_once(self) -> int:
        """The number of URLs that one call may have at most."""

    def purge(self, urls: Sequence[str]) -> None:
        """Have these URLs forgotten; returns only when the counterpart said that it was done.

        May be called again for the same. PassingError or PermanentError when it was not done.
        """


class PurgeQueue(Protocol):
    """Purges that wait, and what became of the others; durable when a call returns."""

    def position(self) -> int | None:
        """Bytes of the audit log that were read for purges; None before the first time."""

    def add(self, purges: Iterable[Purge], position: int) -> None:
        """Keep purges, numbered, and the position behind their entries of the log; one change."""

    def replace(self, purge: Purge) -> None:
        """Replace the purge of that number."""

    def remove(self, number: int) -> None:
        """Remove a purge of which nothing was to be done."""

    def due(self, now: datetime, most: int) -> Sequence[Purge]:
        """At most so many that are due, the longest waiting first."""

    def failing(self) -> Sequence[Purge]:
        """Those that wait although they were tried, oldest first."""

    def of(self, about: Iterable[str]) -> Sequence[Purge]:
        """Those of these cases and blocked URLs, oldest first."""
