"""A house whose files are opened in the sandbox."""

from __future__ import annotations

import os

from goodhoster.assembly.desk import House, reading_limits
from goodhoster.assembly.house import assemble
from goodhoster.checking.hasher import opens_pictures
from goodhoster.ports import Quarantine
from goodhoster.settings import Settings
from goodhoster_agent.hashing.pool import HashingPool
from goodhoster_agent.hashing.process import Start, StartedHere
from goodhoster_agent.starting.client import StarterClient


def sandboxed_house(settings: Settings) -> House:
    """As `assemble`, with a pool of processes for files that an outsider chose. They start when first needed."""
    return assemble(settings, _pool(settings, StartedHere))


def daemon_house(settings: Settings, quarantine: Quarantine, starter: StarterClient) -> House:
    """The same for a daemon, which may not start them itself. Where pictures are opened they are ready when this
    returns, so that its first upload does not wait for them; elsewhere they start with the first archive.
    """
    pool = _pool(settings, starter.start_hasher)
    if opens_pictures():
        pool.warm()
    return assemble(settings, pool, quarantine, starter.run)


def _pool(settings: Settings, start: Start) -> HashingPool:
    return HashingPool(reading_limits(settings), settings.hashing.processes or os.cpu_count() or 1, start)
