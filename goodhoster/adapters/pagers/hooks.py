"""Wakes somebody by a command of the administrator's, or says so in the log."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Sequence

from goodhoster.errors import PassingError
from goodhoster.ports import Pager

_log = logging.getLogger(__name__)
_WITHIN = 60.0  # seconds


class CommandPager:
    """Runs a program: its last argument is the subject, its standard input the text. No shell reads either."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = tuple(argv)

    def page(self, subject: str, text: str) -> None:
        """See `ports.Pager`."""
        try:
            done = subprocess.run(
                [*self._argv, subject], input=text.encode(), capture_output=True, timeout=_WITHIN, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PassingError(f"{self._argv[0]} could not page: {error}", hint="see [paging] command") from error
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace")[:200]
            raise PassingError(f"{self._argv[0]} ended with {done.returncode}: {said}", hint="see [paging] command")


def pager(command: Sequence[str] | None) -> Pager:
    """What [paging] command says; nobody is woken where that is empty."""
    return CommandPager(command) if command else LogPager()


class LogPager:
    """Nobody is to be woken: the log has it."""

    def page(self, subject: str, text: str) -> None:
        """See `ports.Pager`."""
        _log.warning("%s (%s)", subject, " ".join(text.split()))
