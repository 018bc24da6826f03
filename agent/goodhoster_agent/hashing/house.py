"""A house whose files are opened in the sandbox."""

from __future__ import annotations

import os

from goodhoster.assembly.desk import House, reading_limits
from goodhoster.assembly.house import assemble
from goodhoster.ports import Quarantine
from goodhoster.settings import Settings
from goodhoster_agent.hashing.pool import HashingPool


def sandboxed_house(settings: Settings, quarantine: Quarantine | None = None) -> House:
    """As `assemble`, with a pool of processes for files that an outsider chose; none of them is started yet."""
    pool = HashingPool(reading_limits(settings), settings.hashing.processes or os.cpu_count() or 1)
    return assemble(settings, pool, quarantine)
