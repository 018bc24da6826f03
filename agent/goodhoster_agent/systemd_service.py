"""Integration of the daemon with systemd.

Without systemd (or its Python library) everything works, only plainer.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import sys
import time

from goodhoster_agent.repeated_lines import RepeatLimit

try:
    from systemd import journal
except ImportError:  # the extra `systemd` is not installed
    journal = None

_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


def log_to_service() -> None:
    """Send every log record to the journal where one listens, else to stderr.

    To the journal with its fields where the library is there; to stderr with the time in front. What is repeated is
    counted: see `repeated_lines`.
    """
    handler = _handler()
    limit = RepeatLimit(handler)
    handler.addFilter(limit)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    atexit.register(limit.write_counts, at_once=True)


def tell_systemd(state: str) -> None:
    """Notify the service manager, for example of `READY=1` (sd_notify(3)).

    Nothing happens where none listens.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    where = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
        told.sendto(state.encode(), where)


def reloading() -> str:
    """The state while the configuration is read again (sd_notify(3)); `READY=1` ends it.

    The service manager waits for exactly this time and what comes after it.
    """
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def _handler() -> logging.Handler:
    in_journal = "JOURNAL_STREAM" in os.environ
    if in_journal and journal is not None:
        handler: logging.Handler = journal.JournalHandler(SYSLOG_IDENTIFIER="goodhoster")
        return handler
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Prioritised() if in_journal else logging.Formatter("%(asctime)s %(levelname)-8s %(message)s"))
    return handler


class _Prioritised(logging.Formatter):
    """Formatter for `<4>words`, as sd-daemon(3) reads priorities from stderr."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; every line of it has the priority."""
        priority = _PRIORITIES.get(record.levelno, 6)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())
