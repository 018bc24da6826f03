"""Runs of the crawler over all reported URLs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from goodhoster.errors import PassingError
from goodhoster.linux.durable_files import replace_durably
from goodhoster.model.audit import AuditEvent
from goodhoster.model.crawling import CrawlCounts, CrawlProgress
from goodhoster.ports import AuditLog, Clock, NoticeQuery, NoticeStore
from goodhoster.takedowns.crawling import Crawler, CrawlRun

_log = logging.getLogger(__name__)

FILE = "crawl.json"


@dataclass(frozen=True, slots=True)
class CrawlSchedule:
    """Runs of one daemon. A restart goes on where the last one stopped."""

    crawler: Crawler
    notices: NoticeStore
    audit: AuditLog
    clock: Clock
    file: Path
    every: timedelta
    reported_within: timedelta

    def run_once(self, pause: Callable[[], bool]) -> float:
        """Go on with the run, or begin the next; returns the seconds until there is more.

        `pause` waits before each request, and says whether to stop there. Raises what stores and directories raise.
        """
        now, progress = self.clock(), read_progress(self.file)
        if progress is not None and progress.ended_at is not None:
            wait = progress.began_at + self.every - now
            if timedelta(0) < wait <= self.every:  # a clock that was set back keeps no run waiting for years
                return wait.total_seconds()
            progress = None
        if progress is None:
            progress = CrawlProgress(now)
            self._keep(progress)
            self.audit.append(AuditEvent("crawl.began", {}))
        return 0.0 if self._crawl_rest(progress, pause) else self.every.total_seconds()

    def _crawl_rest(self, progress: CrawlProgress, pause: Callable[[], bool]) -> bool:
        """Crawl what is left of the round; whether it was interrupted."""
        crawl = CrawlRun(pause)
        ids = self.notices.ids(NoticeQuery(received_since=progress.began_at - self.reported_within))
        for notice_id in sorted(one for one in ids if one > progress.position):
            counts = self._crawled(notice_id, crawl)
            if crawl.stopped:
                return True
            progress = _further(progress, notice_id, counts)
            if counts.urls:
                self._keep(progress)
        ended = replace(progress, ended_at=self.clock())
        counted = {name: getattr(ended, name) for name in ("urls", "pages", "found", "unchecked")}
        self.audit.append(AuditEvent("crawl.ended", counted))
        self._keep(ended)
        return False

    def _crawled(self, notice_id: str, crawl: CrawlRun) -> CrawlCounts:
        """Crawl around the URLs of one notice; what it throws keeps no other from its turn."""
        try:
            return self.crawler.crawl(notice_id, crawl)
        except PassingError:
            raise
        except Exception:  # noqa: BLE001 - of whatever kind
            _log.exception("the crawl around notice %s failed; its URLs are unchecked in this run", notice_id)
            return CrawlCounts(unchecked=1)

    def _keep(self, progress: CrawlProgress) -> None:
        replace_durably(self.file, [json.dumps(asdict(progress), default=datetime.isoformat).encode()])


def read_progress(file: Path) -> CrawlProgress | None:
    """How far the last run is; None before the first, and where the file is damaged."""
    try:
        read = json.loads(file.read_bytes())
        ended = read["ended_at"]
        times = {"began_at": datetime.fromisoformat(read["began_at"])}
        return CrawlProgress(**{**read, **times, "ended_at": datetime.fromisoformat(ended) if ended else None})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _further(progress: CrawlProgress, notice_id: str, counts: CrawlCounts) -> CrawlProgress:
    return replace(
        progress,
        position=notice_id,
        urls=progress.urls + counts.urls,
        pages=progress.pages + counts.pages,
        found=progress.found + counts.found,
        unchecked=progress.unchecked + counts.unchecked,
    )
