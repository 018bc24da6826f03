"""A house whose files are opened in the sandbox."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from goodhoster.assembly.desk import House, reading_limits
from goodhoster.assembly.house import assemble
from goodhoster.assembly.mover import mover_of
from goodhoster.assembly.state import make_state_dir
from goodhoster.checking.hasher import opens_pictures
from goodhoster.ports import Quarantine
from goodhoster.settings import Settings
from goodhoster_agent.hashing.pool import HashingPool
from goodhoster_agent.hashing.process import Start, StartedHere
from goodhoster_agent.starting.beside import kept_beside
from goodhoster_agent.starting.client import StarterClient
from goodhoster_agent.starting.giving_up import give_up
from goodhoster_agent.starting.terms import terms_of


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


@contextmanager
def scanning_house(settings: Settings) -> Iterator[tuple[House, list[str]]]:
    """For a command that looks through a tree: as a daemon it has a keeper, with a starter and, where none listens, a
    mover, and gives up everything else; what it could not give up comes with it, in words. To be entered in the main
    thread, before any other is started.
    """
    terms, state_dir = terms_of(settings), make_state_dir(settings.state_dir)
    with kept_beside(settings, terms.commands) as keeper:
        problems = give_up(terms, state_dir)
        pool = _pool(settings, keeper.starter.start_hasher)
        with closing(assemble(settings, pool, mover_of(settings), keeper.starter.run)) as house:
            yield house, problems


def _pool(settings: Settings, start: Start) -> HashingPool:
    return HashingPool(reading_limits(settings), settings.hashing.processes or os.cpu_count() or 1, start)
