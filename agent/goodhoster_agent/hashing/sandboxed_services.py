"""The composition for processes that read outsiders' files: they are opened in the sandbox."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.limits import ReadingLimits
    from goodhoster.ports import Quarantine
    from goodhoster.settings import Settings
    from goodhoster_agent.hashing.pool import HashingPool
    from goodhoster_agent.hashing.worker_handle import Start
    from goodhoster_agent.privileged.starter.client import StarterClient


def sandboxed_services(settings: Settings) -> Services:
    """The services of a command.

    It starts what opens files itself, where it needs any.
    """
    from goodhoster.assembly.services import Services
    from goodhoster_agent.hashing.worker_handle import start_here

    return Services(settings, partial(_pool, settings, start_here))


def daemon_services(settings: Settings, quarantine: Quarantine, starter: StarterClient) -> Services:
    """The services of a daemon, which may start no process itself."""
    from goodhoster.assembly.services import Services

    return Services(settings, partial(_warm_pool, settings, starter.start_hasher), quarantine, starter.run)


@contextmanager
def scanning_services(settings: Settings) -> Iterator[tuple[Services, list[str]]]:
    """The services of a command that scans a tree, with a supervisor as a daemon has.

    The supervisor has a starter and, where none listens, a mover; the command gives up everything else. What it could
    not give up comes with the services, in words. To be entered in the main thread, before any other is started.
    """
    from goodhoster.assembly.mover import mover_of
    from goodhoster.assembly.services import Services
    from goodhoster.assembly.state import make_state_dir
    from goodhoster_agent.privileged.starter.dropping import give_up
    from goodhoster_agent.privileged.starter.launch import running_supervisor
    from goodhoster_agent.privileged.starter.plan import terms_of

    terms, state_dir = terms_of(settings), make_state_dir(settings.state_dir)
    with running_supervisor(settings, terms.commands) as supervisor:
        problems = give_up(terms, state_dir)
        make_pool = partial(_pool, settings, supervisor.starter.start_hasher)
        with Services(settings, make_pool, mover_of(settings), supervisor.starter.run) as services:
            yield services, problems


def _pool(settings: Settings, start: Start, limits: ReadingLimits) -> HashingPool:
    from goodhoster_agent.hashing.pool import HashingPool

    return HashingPool(limits, settings.hashing.processes or os.cpu_count() or 1, start)


def _warm_pool(settings: Settings, start: Start, limits: ReadingLimits) -> HashingPool:
    """A pool whose processes are started ahead where pictures are opened.

    So the first upload does not wait for them; elsewhere they start with the first archive.
    """
    from goodhoster.checking.hasher import opens_pictures

    pool = _pool(settings, start, limits)
    if opens_pictures():
        pool.warm()
    return pool
