"""The section about the crawler of our own sites."""

from __future__ import annotations

from dataclasses import dataclass

from goodhoster.settings.values import duration, setting, whole


@dataclass(frozen=True, slots=True)
class CrawlSettings:
    """[crawl]: looks on our own sites for what was reported and came back.

    Needs a [[directory]], which names our sites, and notices.own_networks.
    """

    every: float | None = setting(
        duration,
        "How often all reported URLs are checked again; absent: never.",
        default=None,
        example='"7d"',
    )
    most: int = setting(
        whole(1, 500, "addresses"), "Pages and files on disk checked around one reported URL in one crawl.", default=30
    )
    pause: float = setting(duration, "Between two requests, whichever site they go to.", default=1.0)
    reported_within: float = setting(
        duration, "URLs that were reported longer ago are not crawled.", default=365 * 86_400.0
    )
