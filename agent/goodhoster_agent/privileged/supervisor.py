"""A supervisor that restarts starter and movers whenever they end.

It is their parent, which takes no orders and so has nothing to die of. The daemon could not do this: once it has given
its own privileges up it cannot start a process that has them.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from goodhoster.linux import privileges

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.5
"""Seconds before it is started again."""


Serve = Callable[[], None]


def supervise(processes: Sequence[tuple[str, Serve]]) -> NoReturn:
    """Run each function in a child of its name, and restart those that die, until killed.

    The children end with this process. To be called in a process with one thread.
    """
    privileges.set_process_name("gh-supervisor")
    children = {_started(*processes[number]): number for number in range(len(processes))}
    while True:
        child, status = os.wait()
        number = children.pop(child)
        _log.error("the %s ended (%s) and is started again", _title(processes, number), _exit_text(status))
        time.sleep(_PAUSE_SECONDS)
        children[_started(*processes[number])] = number


def _title(processes: Sequence[tuple[str, Serve]], number: int) -> str:
    """The name of a process, with its number where several have that name."""
    same = [each for each, (name, _) in enumerate(processes) if name == processes[number][0]]
    name = processes[number][0]
    return f"{name} {same.index(number) + 1} of {len(same)}" if len(same) > 1 else name


def _started(name: str, serve: Serve) -> int:
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        _turn_into(name, supervisor, serve)
    return child


def _turn_into(name: str, supervisor: int, serve: Serve) -> NoReturn:
    """Turn the forked child into its task; it must not go on as its parent would."""
    privileges.set_process_name(f"gh-{name}")
    privileges.end_with_parent()
    if os.getppid() == supervisor:  # it may have ended before we asked to end with it
        serve()
    sys.exit(1)


def _exit_text(status: int) -> str:
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
