"""Check whether a daemon could start with a configuration.

It is done before the configuration in force is given up.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from goodhoster.assembly.alerts import check_alerts
from goodhoster.assembly.notices import block_answer, forwarders, known_networks, mailer_of, notifiers
from goodhoster.assembly.services import reading_limits
from goodhoster.assembly.sources import check_hash_sources
from goodhoster.assembly.state import expect_trees
from goodhoster.errors import ConfigurationError
from goodhoster.settings import Settings, load_partly
from goodhoster.settings.all_errors import gathered
from goodhoster.settings.house_rules import read_house_rules


def check_file(file: Path) -> Settings:
    """Read a configuration, and look at what it names.

    ConfigurationError with everything that is wrong, in the file and in what its right parts name.
    """
    with gathered() as errors:
        settings = load_partly(file, errors)
        with errors.step():
            check_whole(settings)
    return settings


def check_whole(settings: Settings) -> None:
    """Look at every tree and read every secret and key.

    ConfigurationError with everything that is wrong.
    """
    with gathered() as errors:
        for check in _CHECKS:
            with errors.step():
                check(settings)


def _check_house_rules(settings: Settings) -> None:
    read_house_rules(settings.house_rules.file)


def _check_buckets(settings: Settings) -> None:
    if settings.buckets:
        from goodhoster.assembly.bucket_services import check_buckets  # noqa: PLC0415 - for this setting only

        check_buckets(settings.buckets)


def _check_api(settings: Settings) -> None:
    if settings.api.listen:
        from goodhoster_agent.doors.api.door import expect_loopback  # noqa: PLC0415 - for this setting only

        expect_loopback(settings.api.listen[0], beyond=settings.api.beyond_loopback)


def _check_lmtp(settings: Settings) -> None:
    if settings.notices.lmtp is not None:
        from goodhoster_agent.intake.lmtp import lmtp_settings  # noqa: PLC0415 - for this setting only

        lmtp_settings(settings)


def _check_mailbox(settings: Settings) -> None:
    if settings.imap:
        from goodhoster_agent.intake.mailbox import mailbox_of  # noqa: PLC0415 - for this setting only

        mailbox_of(settings.imap)


def _check_crawl(settings: Settings) -> None:
    if settings.crawl.every is not None and not (settings.directories and settings.notices.own_networks):
        problem = f"{settings.file} [crawl] every needs a [[directory]] and notices.own_networks"
        raise ConfigurationError(problem, hint="only our own sites are crawled, at our own addresses: name both")


_CHECKS: tuple[Callable[[Settings], object], ...] = (
    expect_trees,
    reading_limits,
    check_hash_sources,
    _check_buckets,
    notifiers,
    forwarders,
    known_networks,
    mailer_of,
    block_answer,
    check_alerts,
    _check_lmtp,
    _check_mailbox,
    _check_house_rules,
    _check_api,
    _check_crawl,
)
