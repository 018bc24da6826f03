"""The mover process: its clients, the trees that it knows, and its few privileges."""

from __future__ import annotations

import logging
import os
import pwd
import socket
from pathlib import Path

from goodhoster.errors import ConfigurationError
from goodhoster.linux import privileges
from goodhoster.settings import MoverSettings, load
from goodhoster_agent.privileged.mover.file_locks import FileLocks
from goodhoster_agent.privileged.mover.server import Server
from goodhoster_agent.privileged.mover.trees import KnownTrees
from goodhoster_agent.privileged.supervisor import Serve

_log = logging.getLogger(__name__)

MOVERS = 4
"""Each takes several orders at once; together they take more than a case desk gives for one disk (`cases.desk`)."""
CAPABILITIES = frozenset(
    {
        privileges.CAP_CHOWN,
        privileges.CAP_DAC_OVERRIDE,
        privileges.CAP_FOWNER,
        privileges.CAP_LINUX_IMMUTABLE,
    }
)


def movers(config: Path, listener: socket.socket) -> list[tuple[str, Serve]]:
    """The functions of several mover processes: give up everything else, then take orders.

    Each is for one process, and runs until it is killed. ConfigurationError when the configuration is not as it
    must be.
    """
    settings = load(config)
    destroy_after = settings.evidence.destroy_quarantined_after
    server = Server(KnownTrees(config), _trusted(settings.mover), FileLocks(), destroy_after)

    def serve() -> None:
        _drop_privileges()
        server.serve(listener)

    return [("mover", serve)] * MOVERS


def _trusted(mover: MoverSettings) -> frozenset[int]:
    """The trusted user ids: root, this user, and the daemon's where it is another one."""
    uids = {0, os.geteuid()}
    if mover.user:
        try:
            uids.add(pwd.getpwnam(mover.user).pw_uid)
        except KeyError as error:
            raise ConfigurationError(f"[mover] user = {mover.user}: there is no such account") from error
    return frozenset(uids)


def _drop_privileges() -> None:
    if not privileges.leave_network() and os.geteuid() == 0:
        _log.warning("the mover cannot leave the network: unshare(2) is not permitted")
    privileges.keep_only(CAPABILITIES)
    os.umask(0o077)
