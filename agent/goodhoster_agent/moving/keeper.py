"""Start the mover again whenever it ends: its parent, which takes no orders and so has nothing to die of.

The daemon could not: once it has given its own privileges up it cannot start anybody who has them.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from goodhoster import kernel

_log = logging.getLogger(__name__)
_PAUSE = 0.5
"""Seconds before it is started again."""


def keep(serve: Callable[[], None]) -> None:
    """Serve in a child, and in the next one when that has died; until killed. The children end with this process."""
    while True:
        keeper = os.getpid()
        child = os.fork()
        if child == 0:
            _become_mover(keeper, serve)
        _, status = os.waitpid(child, 0)
        _log.error("the mover ended (%s) and is started again", _how(status))
        time.sleep(_PAUSE)


def _become_mover(keeper: int, serve: Callable[[], None]) -> NoReturn:
    """The child must not go on as its parent would."""
    kernel.end_with_parent()
    if os.getppid() == keeper:  # it may have ended before we asked to end with it
        serve()
    sys.exit(1)


def _how(status: int) -> str:
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
