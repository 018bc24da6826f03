"""The whole house."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from goodhoster.assembly.desk import House, assemble_desk
from goodhoster.assembly.sources import hash_sources
from goodhoster.settings import Settings

__all__ = ["House", "assemble"]


def assemble(settings: Settings) -> House:
    """Put a process together. ConfigurationError when something is not as it must be; nothing was started then."""
    house = assemble_desk(settings)
    with house.begun as begun:
        sources = tuple(begun.enter_context(closing(source)) for source in hash_sources(settings))
        toolkit = replace(house.toolkit, sources=sources)
        return replace(house, sources=sources, toolkit=toolkit, begun=begun.pop_all())
