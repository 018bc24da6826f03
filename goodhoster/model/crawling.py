"""What the crawler of our own sites asked for, found and counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """The answer to one request. Lives in memory only."""

    url: str
    status: int | None
    """None: nobody could be asked, and `detail` says why."""
    html: bool = False
    """It is a page, whose links are followed; anything else is compared with what is known."""
    content: bytes = b""
    whole: bool = True
    """False: it is longer than what is read of it, or ended early."""
    redirect: str = ""
    """Where it sends a browser."""
    timed_out: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FoundAgain:
    """An address of ours at which something that was taken, or is known, is to be seen."""

    url: str
    how: str
    """By what it was found, for people and the log."""


@dataclass(slots=True)
class CrawlCounts:
    """What a crawl looked at."""

    urls: int = 0
    """Reported URLs."""
    pages: int = 0
    """Addresses that were looked at around them."""
    found: int = 0
    """Of these, and of the reported URLs, where something is to be seen again."""
    unchecked: int = 0
    """Of these, that could not be looked at."""

    def add(self, other: CrawlCounts) -> None:
        """Add the counts of another crawl."""
        self.urls += other.urls
        self.pages += other.pages
        self.found += other.found
        self.unchecked += other.unchecked


@dataclass(frozen=True, slots=True)
class CrawlProgress:
    """How far the round over all reported URLs is; kept on disk."""

    began_at: datetime
    position: str = ""
    """The last notice whose URLs were looked at; notices go by their ids."""
    ended_at: datetime | None = None
    urls: int = 0
    pages: int = 0
    found: int = 0
    unchecked: int = 0
