"""Purges of caches in front of our sites (a CDN), after a file went offline or came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PurgeCause(StrEnum):
    """Why a cache must forget an address."""

    OFFLINE = "offline"
    """What it shows was taken offline, or is blocked."""
    RESTORED = "restored"
    """It is back, and the cache may still show that it is not there."""


class PurgeState(StrEnum):
    """How far a purge is."""

    WAITING = "waiting"
    PURGED = "purged"
    """Every hook for every address ended with 0."""
    DROPPED = "dropped"
    """It was not purged, and no hook names its host any more."""


@dataclass(frozen=True, slots=True)
class Purge:
    """The addresses of one case or one block that caches must forget."""

    cause: PurgeCause
    about: str
    """The case, or the blocked URL."""
    asked_at: datetime
    number: int = 0
    """In the queue, which gives it."""
    state: PurgeState = PurgeState.WAITING
    tries: int = 0
    """How often it failed."""
    due: datetime | None = None
    """When it is tried next; None when it has ended."""
    done: tuple[str, ...] = ()
    """Hook and address, with a blank between them, of each that ended with 0."""
    detail: str = ""
    """Why it failed last."""
    ended_at: datetime | None = None
