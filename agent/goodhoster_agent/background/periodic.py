"""Periodic work beside the workers, in a thread that no error ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from goodhoster.errors import GoodhosterError

_log = logging.getLogger(__name__)


class PeriodicTask:
    """Periodic task in one thread.

    A run that fails is reported once, stands in `trouble` for `status`, and comes again.
    """

    def __init__(self, name: str, run_once: Callable[[], float], failing: str, after_failure: float) -> None:
        """Store what one run does; `run_once` returns the seconds until the next.

        It ends early when `stopping` is set. `failing` says in words what cannot be done, and is followed by why.
        """
        self._run_once = run_once
        self._failing = failing
        self._after_failure = after_failure
        self.stopping = threading.Event()
        self.trouble = ""
        """What the last run could not do, and why; empty when it could."""
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        """Start with the first run at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop within the run in hand. Nothing happens when it was never started."""
        self.stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def problems(self) -> list[str]:
        """Problems, for `status`."""
        return [self.trouble] if self.trouble else []

    def _run(self) -> None:
        pause = 0.0
        while not self.stopping.wait(pause):
            try:
                pause = self._run_once()
                self.trouble = ""
            except Exception as error:  # noqa: BLE001 - it is told, and tried again: a thread that ended would be silent
                pause = self._after_failure
                self._log_once(error)

    def _log_once(self, error: Exception) -> None:
        """Log the same problem once; with its traceback where it is a fault of ours."""
        trouble = f"{self._failing}: {str(error) or type(error).__name__}"
        if trouble != self.trouble:
            expected = isinstance(error, (GoodhosterError, OSError))
            _log.error("%s", trouble, exc_info=None if expected else error)
        self.trouble = trouble
