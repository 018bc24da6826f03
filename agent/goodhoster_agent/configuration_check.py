"""Check whether a daemon could start with a configuration.

It is done before the configuration in force is given up.
"""

from __future__ import annotations

from goodhoster.assembly.notices import forwarders, known_networks, mailer_of, notifiers
from goodhoster.assembly.services import reading_limits
from goodhoster.assembly.sources import check_hash_sources
from goodhoster.assembly.state import expect_trees
from goodhoster.settings import Settings
from goodhoster_agent.intake.lmtp import lmtp_settings
from goodhoster_agent.intake.mailbox import mailbox_of


def check_whole(settings: Settings) -> None:
    """Look at every tree and read every secret and key.

    ConfigurationError with the first thing that is wrong.
    """
    expect_trees(settings)
    reading_limits(settings)
    check_hash_sources(settings)
    notifiers(settings)
    forwarders(settings)
    known_networks(settings)
    mailer_of(settings)
    lmtp_settings(settings)
    if settings.imap:
        mailbox_of(settings.imap)
