"""The whole house."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from goodhoster.assembly.desk import Services, assemble_desk
from goodhoster.assembly.sources import checking_sources, near_limits, opened_lists
from goodhoster.linux.programs import Run, run_here
from goodhoster.ports import Hasher, Quarantine
from goodhoster.settings import Settings

__all__ = ["Services", "assemble"]


def assemble(
    settings: Settings, hasher: Hasher | None = None, quarantine: Quarantine | None = None, run: Run = run_here
) -> Services:
    """Put a process together. ConfigurationError when something is not as it must be; nothing was started then.

    Without another `hasher` files are opened in this process: enough for one's own, not for outsiders'. Without a
    quarantine it is the mover's while one listens, else that of this very process.
    """
    services = assemble_desk(settings, quarantine, run)
    with services.resources as resources:
        shelf = opened_lists(settings)
        sources = tuple(resources.enter_context(closing(source)) for source in checking_sources(settings, shelf))
        chosen = resources.enter_context(closing(hasher)) if hasher else services.toolkit.hasher
        toolkit = replace(services.toolkit, sources=sources, hasher=chosen)
        near = near_limits(settings)
        return replace(
            services, sources=sources, shelf=shelf, near=near, toolkit=toolkit, resources=resources.pop_all()
        )
