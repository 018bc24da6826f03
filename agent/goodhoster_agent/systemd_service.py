"""Integration of the daemon with systemd. Without it everything works, only plainer."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import sys
import time

from goodhoster_agent.journal import JournalHandler, is_journal
from goodhoster_agent.repeated_lines import RepeatLimit


def log_to_service() -> None:
    """Send every log record to the journal where one listens, else to stderr.

    To the journal with fields, to stderr with the time in front. What is repeated is counted: see `repeated_lines`.
    """
    handler = _handler()
    limit = RepeatLimit(handler)
    handler.addFilter(limit)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    atexit.register(limit.write_counts, at_once=True)


def notify_systemd(state: str) -> None:
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
    if is_journal():
        return JournalHandler()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(message)s"))
    return handler
