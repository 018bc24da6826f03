"""The mover as a service of its own: `python -m goodhoster_agent.privileged.mover`.

With `--config FILE`. It serves a listening socket that is passed as systemd does (sd_listen_fds(3)) or as standard
input. Without one, the daemon starts a mover beside itself.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

from goodhoster.errors import ConfigurationError, GoodhosterError
from goodhoster.settings import DEFAULT_FILE
from goodhoster_agent.privileged.mover.process import movers
from goodhoster_agent.privileged.supervisor import supervise
from goodhoster_agent.systemd_service import log_to_service

_log = logging.getLogger(__name__)
_FIRST_PASSED = 3


def main() -> int:
    """Serve until killed; 2 when the configuration or the socket is not valid."""
    arguments = _arguments()
    log_to_service()
    try:
        processes = movers(arguments.config, _listener())
    except GoodhosterError as error:
        _log.critical("the mover cannot start: %s; %s", error, error.hint)
        return 2
    return supervise(processes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="goodhoster mover", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE)
    return parser.parse_args()


def _listener() -> socket.socket:
    """The socket that we were given."""
    passed = os.environ.get("LISTEN_PID") == str(os.getpid())
    try:
        listener = socket.socket(fileno=_FIRST_PASSED if passed else sys.stdin.fileno())
        kind = listener.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ConfigurationError(
            "standard input is not a socket", hint="systemd starts the mover; so does: goodhoster run"
        ) from error
    if listener.family is not socket.AF_UNIX or kind != socket.SOCK_SEQPACKET or not listens:
        raise ConfigurationError(
            "the socket is not a listening Unix socket for messages", hint="ListenSequentialPacket="
        )
    return listener


if __name__ == "__main__":
    sys.exit(main())
