"""A house whose files are opened in the sandbox."""

from __future__ import annotations

import os

from goodhoster.assembly.desk import House, reading_limits
from goodhoster.assembly.house import assemble
from goodhoster.ports import Quarantine
from goodhoster.settings import Settings
from goodhoster_agent.hashing.pool import HashingPool


def sandboxed_house(settings: Settings, quarantine: Quarantine | None = None, *, warm: bool = False) -> House:
    """As `assemble`, with a pool of processes for files that an outsider chose. They start when first needed, or, with
    `warm`, before this returns: a daemon's first upload does not wait for them.
    """
    pool = HashingPool(reading_limits(settings), settings.hashing.processes or os.cpu_count() or 1)
    if warm:
        pool.warm()
    return assemble(settings, pool, quarantine)
