"""`python -m goodhoster_agent.moving --config FILE`: the mover, on a listening socket that whoever starts it passes
as standard input, or as systemd does (sd_listen_fds(3)).
"""

from __future__ import annotations

import argparse
import logging
import os
import pwd
import socket
import sys
from pathlib import Path

from goodhoster import kernel
from goodhoster.errors import ConfigurationError, GoodhosterError
from goodhoster.settings import DEFAULT_FILE, MoverSettings, load
from goodhoster_agent.moving.keeper import keep
from goodhoster_agent.moving.server import Server
from goodhoster_agent.moving.trees import KnownTrees
from goodhoster_agent.service import log_to_service

_log = logging.getLogger(__name__)
_CAPABILITIES = frozenset(
    {kernel.CAP_CHOWN, kernel.CAP_DAC_OVERRIDE, kernel.CAP_FOWNER, kernel.CAP_LINUX_IMMUTABLE},
)
_FIRST_PASSED = 3


def main() -> int:
    """Serve until killed; 2 when the configuration or the socket is not as it must be."""
    arguments = _arguments()
    log_to_service()
    try:
        settings = load(arguments.config)
        server = Server(KnownTrees(arguments.config), _trusted(settings.mover))
        listener = _listener()
    except GoodhosterError as error:
        _log.critical("the mover cannot start: %s; %s", error, error.hint)
        return 2
    if arguments.parent:
        kernel.end_with_parent()
        if os.getppid() != arguments.parent:
            return 0  # it ended before we asked to end with it
    _shed_privileges()
    keep(lambda: server.serve(listener))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="goodhoster mover", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE)
    parser.add_argument("--parent", type=int, default=0, help="the process that started it, and with which it ends")
    return parser.parse_args()


def _trusted(mover: MoverSettings) -> frozenset[int]:
    """Root, this user, and the daemon's where it is another one."""
    uids = {0, os.geteuid()}
    if mover.user:
        try:
            uids.add(pwd.getpwnam(mover.user).pw_uid)
        except KeyError as error:
            raise ConfigurationError(f"[mover] user = {mover.user}: there is no such account") from error
    return frozenset(uids)


def _listener() -> socket.socket:
    """The socket that we were given."""
    passed = os.environ.get("LISTEN_PID") == str(os.getpid())
    try:
        listener = socket.socket(fileno=_FIRST_PASSED if passed else sys.stdin.fileno())
        kind = listener.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ConfigurationError(
            "standard input is no socket", hint="systemd or the daemon starts the mover"
        ) from error
    if listener.family is not socket.AF_UNIX or kind != socket.SOCK_SEQPACKET or not listens:
        raise ConfigurationError("the socket is no listening Unix socket for messages", hint="ListenSequentialPacket=")
    return listener


def _shed_privileges() -> None:
    if not kernel.leave_network() and os.geteuid() == 0:
        _log.warning("the mover cannot leave the network: unshare(2) is not permitted")
    kernel.keep_only(_CAPABILITIES)
    os.umask(0o077)


if __name__ == "__main__":
    sys.exit(main())
