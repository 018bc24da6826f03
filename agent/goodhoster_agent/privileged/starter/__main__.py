"""The supervisor of a daemon's privileged processes.

`python -m goodhoster_agent.privileged.starter --config FILE --parent PID [--mover FD]`. Its standard input is the
daemon's socket, over which the commands that it may run come first.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import sys
from pathlib import Path

from goodhoster.errors import GoodhosterError
from goodhoster.linux import privileges
from goodhoster_agent.privileged.mover.process import movers
from goodhoster_agent.privileged.starter.commands import Command
from goodhoster_agent.privileged.starter.server import StarterServer
from goodhoster_agent.privileged.supervisor import Serve, supervise
from goodhoster_agent.systemd_service import log_to_service

_log = logging.getLogger(__name__)
_LONGEST_TERMS = 1 << 20


def main() -> int:
    """Keep until killed; 2 when the configuration is not as the mover needs it."""
    arguments = _arguments()
    log_to_service()
    privileges.end_with_parent()
    daemon = socket.socket(fileno=sys.stdin.fileno())
    terms = daemon.recv(_LONGEST_TERMS)
    if os.getppid() != arguments.parent or not terms:
        return 0  # the daemon ended before we asked to end with it
    commands = frozenset(Command(tuple(argv), more) for argv, more in json.loads(terms))
    processes: list[tuple[str, Serve]] = [("starter", lambda: StarterServer(commands).serve(daemon))]
    if arguments.mover is not None:
        try:
            processes += movers(arguments.config, socket.socket(fileno=arguments.mover))
        except GoodhosterError as error:
            _log.critical("the mover cannot start: %s; %s", error, error.hint)
            return 2
    return supervise(processes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="goodhoster supervisor", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--parent", type=int, required=True, help="the daemon, with which it ends")
    parser.add_argument("--mover", type=int, help="a listening socket, where a mover is to be processes too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
