"""The whole house."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from goodhoster.assembly.desk import House, assemble_desk
from goodhoster.assembly.sources import checking_sources, list_shelf, near_limits
from goodhoster.ports import Hasher, Quarantine
from goodhoster.programs import Run, run_here
from goodhoster.settings import Settings

__all__ = ["House", "assemble"]


def assemble(
    settings: Settings, hasher: Hasher | None = None, quarantine: Quarantine | None = None, run: Run = run_here
) -> House:
    """Put a process together. ConfigurationError when something is not as it must be; nothing was started then.

    Without another `hasher` files are opened in this process: enough for one's own, not for outsiders'. Without a
    quarantine it is the mover's while one listens, else that of this very process.
    """
    house = assemble_desk(settings, quarantine, run)
    with house.begun as begun:
        shelf = list_shelf(settings)
        sources = tuple(begun.enter_context(closing(source)) for source in checking_sources(settings, shelf))
        chosen = begun.enter_context(closing(hasher)) if hasher else house.toolkit.hasher
        toolkit = replace(house.toolkit, sources=sources, hasher=chosen)
        near = near_limits(settings)
        return replace(house, sources=sources, shelf=shelf, near=near, toolkit=toolkit, begun=begun.pop_all())
