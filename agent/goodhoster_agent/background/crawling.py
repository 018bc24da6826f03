"""Runs of the crawler of our own sites; none unless [crawl] every is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.takedowns.crawl_schedule import CrawlSchedule

_FIRST_AFTER = 300.0
"""Seconds after the start, when a daemon has more urgent work; sooner where runs are more frequent."""
_AFTER_FAILURE = 600.0
_LONGEST_WAIT = 3600.0


class CrawlTask(PeriodicTask):
    """Crawls in a thread of its own: one request after the other, with a pause between."""

    def __init__(self, services: Services) -> None:
        self._services = services
        every = services.settings.crawl.every
        self._first_after = min(_FIRST_AFTER, every) if every else _FIRST_AFTER
        self._pause = services.settings.crawl.pause
        self._crawl: CrawlSchedule | None = None
        self._begun = False
        super().__init__("crawl", self._round, "our own sites cannot be crawled now", _AFTER_FAILURE)

    def _round(self) -> float:
        if not self._begun:
            self._begun = True
            return self._first_after
        self._crawl = self._crawl or self._services.notices.crawl_schedule
        return min(_LONGEST_WAIT, self._crawl.run_once(self._paused)) if self._crawl else _LONGEST_WAIT

    def _paused(self) -> bool:
        return self.stopping.wait(self._pause)
