"""The terms: what a daemon may do, settled before it gives up the rest.

They are settled from the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from goodhoster.assembly.notices import directory_commands
from goodhoster.linux import privileges
from goodhoster.settings import Settings
from goodhoster_agent.privileged.starter.commands import Command

_FIRST_FREE_PORT = 1024
_READS = frozenset({privileges.CAP_DAC_READ_SEARCH, privileges.CAP_FOWNER})
"""Files of every customer, and their access times left alone (O_NOATIME)."""


@dataclass(frozen=True, slots=True)
class DaemonTerms:
    """The terms of a daemon.

    They hold until the daemon ends: a configuration with others needs a restart.
    """

    capabilities: frozenset[int]
    writable: frozenset[Path]
    """Directories at and below which it may write."""
    commands: frozenset[Command]


def terms_of(settings: Settings) -> DaemonTerms:
    """The terms that a daemon of this configuration needs.

    Loads plug-ins; ConfigurationError for one that lacks.
    """
    low = any(0 < port < _FIRST_FREE_PORT for port in _ports(settings))
    more = {privileges.CAP_NET_BIND_SERVICE} if low else set()
    return DaemonTerms(_READS | more, frozenset(_writable(settings)), frozenset(_commands(settings)))


def _ports(settings: Settings) -> Iterator[int]:
    """The TCP ports that it listens on."""
    for address in (settings.notices.lmtp, settings.notices.listen):
        if isinstance(address, tuple):
            yield address[1]


def _writable(settings: Settings) -> Iterator[Path]:
    yield settings.state_dir
    yield settings.mover_socket.parent
    if settings.evidence.directory is not None:
        yield settings.evidence.directory
    if settings.notices.maildir is not None:
        yield settings.notices.maildir
    if isinstance(settings.notices.lmtp, Path):
        yield settings.notices.lmtp.parent
    if settings.block is not None:
        yield settings.block.include.parent
    if settings.metrics.file is not None:
        yield settings.metrics.file.parent


def _commands(settings: Settings) -> Iterator[Command]:
    if settings.paging.command:
        yield Command(settings.paging.command, more=1)
    for rule in settings.alerts:
        if rule.command:
            yield Command(rule.command, more=1)
    if settings.block is not None:
        yield Command(settings.block.test)
        yield Command(settings.block.reload)
    for purge in settings.purges:
        yield Command(purge.command, more=1 if purge.give == "argument" else 0)
    yield from map(Command, directory_commands(settings))
    if settings.suspends:
        from goodhoster.assembly.panel_services import panel_commands  # noqa: PLC0415 - only where one is configured

        yield from (Command(argv, more) for argv, more in panel_commands(settings))
