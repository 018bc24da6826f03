"""Pages a person by a command of the administrator's, or writes the page to the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from goodhoster.errors import PassingError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.alerts import Alert, AlertKind
from goodhoster.ports import Pager

_log = logging.getLogger(__name__)


class CommandPager:
    """Runs a program with the subject as its last argument and the text on standard input.

    No shell reads either.
    """

    def __init__(self, argv: Sequence[str], run: Run = run_here) -> None:
        self._argv = tuple(argv)
        self._run = run

    def page(self, subject: str, text: str, kind: AlertKind = AlertKind.ALARM, about: str = "") -> None:  # noqa: ARG002 - of the port
        """See `ports.Pager`."""
        try:
            done = self._run([*self._argv, subject], text.encode())
        except OSError as error:
            raise PassingError(f"{self._argv[0]} could not page: {error}", hint="see [paging] command") from error
        if done.code != 0:
            said = done.err.decode("utf-8", "replace")[:200]
            raise PassingError(f"{self._argv[0]} ended with {done.code}: {said}", hint="see [paging] command")


class CommandReceiver:
    """See `ports.AlertReceiver`: the same program for the alerts of a rule."""

    def __init__(self, argv: Sequence[str], run: Run = run_here) -> None:
        self._pager = CommandPager(argv, run)

    def deliver(self, alert: Alert, delivery_id: str) -> None:  # noqa: ARG002 - of the port
        """See `ports.AlertReceiver`."""
        self._pager.page(alert.subject, alert.text)


def pager(command: Sequence[str] | None, run: Run = run_here) -> Pager:
    """The pager for [paging] command; where that is empty, nobody is paged."""
    return CommandPager(command, run) if command else LogPager()


class LogPager:
    """Pages nobody and writes to the log."""

    def page(self, subject: str, text: str, kind: AlertKind = AlertKind.ALARM, about: str = "") -> None:  # noqa: ARG002 - of the port
        """See `ports.Pager`."""
        _log.warning("%s (%s)", subject, " ".join(text.split()))
