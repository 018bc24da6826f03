"""Tasks of optional features; of what is not configured nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from goodhoster.assembly.services import Services
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster_agent.background.buckets import BucketTask


def panel_tasks(services: Services) -> Iterator[PeriodicTask]:
    """The tasks about panels; none where no panel is configured."""
    if services.settings.suspends:
        from goodhoster_agent.background.panel_imports import panel_import_tasks  # noqa: PLC0415 - only where one is set
        from goodhoster_agent.background.suspensions import SuspensionTask  # noqa: PLC0415 - the same

        desk = services.panels.desk
        yield SuspensionTask(desk.due, desk.look_after).task
        yield from panel_import_tasks(services)
    if services.settings.agent.import_sites_every is not None:
        from goodhoster_agent.background.panel_imports import directory_import_tasks  # noqa: PLC0415 - the same

        yield from directory_import_tasks(services)


def customer_tasks(services: Services) -> Iterator[PeriodicTask]:
    """The tasks about who customers are; none without register, provider or list."""
    settings = services.settings
    if settings.identity_providers or settings.screening.lists or services.customers.in_use:
        from goodhoster_agent.background.vetting import IdentityTask, ScreeningTask  # noqa: PLC0415 - the same

        if settings.identity_providers:
            yield IdentityTask(services.notices.vetting)
        yield ScreeningTask(services)


def purge_tasks(services: Services) -> Iterator[PeriodicTask]:
    """The tasks that have caches in front of our sites purged; none where no [[purge]] is set."""
    if (purges := services.notices.purges) is not None:
        from goodhoster_agent.background.purges import PurgeTask  # noqa: PLC0415 - only where one is set

        yield PurgeTask(purges)


def crawl_tasks(services: Services) -> Iterator[PeriodicTask]:
    """The tasks over our own sites; none where [crawl] every is not set."""
    if services.settings.crawl.every is not None:
        from goodhoster_agent.background.crawling import CrawlTask  # noqa: PLC0415 - only where one is set

        yield CrawlTask(services)


def tasks_of_buckets(services: Services) -> list[BucketTask]:
    """The tasks of every bucket; without one nothing of it is imported."""
    if not services.settings.buckets:
        return []
    from goodhoster_agent.background.buckets import bucket_tasks  # noqa: PLC0415 - only where one is set

    return list(bucket_tasks(services))
