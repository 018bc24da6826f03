"""The socket at which people's commands are taken."""

from __future__ import annotations

import errno
import grp
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from goodhoster.errors import BusyError, ConfigurationError
from goodhoster.linux.kernel import reachable
from goodhoster.linux.unix_sockets import permit_groups, remove_stale_socket
from goodhoster.settings.roles import RolesSettings

_CONNECTIONS_WAITING = 64
"""Connections that wait to be accepted."""


def gids_of(roles: RolesSettings) -> list[int]:
    """The groups of [roles]; ConfigurationError where there are none, or this host lacks one."""
    if not roles.groups:
        raise ConfigurationError("nobody has a role", hint='add [roles], such as: decide = ["abuse-desk"]')
    gids = []
    for name in sorted(roles.groups):
        try:
            gids.append(grp.getgrnam(name).gr_gid)
        except KeyError as error:
            hint = f"make it (groupadd --system {name}), or remove it from [roles]"
            raise ConfigurationError(f"this host has no group {name}", hint=hint) from error
    return gids


@contextmanager
def listening(roles: RolesSettings) -> Iterator[socket.socket]:
    """A socket to which the kernel lets only root and members of these groups connect.

    One that nobody listens on any more is replaced. BusyError while another service listens.
    """
    gids, address = gids_of(roles), roles.socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as listener:
        try:
            with reachable(address) as short:
                remove_stale_socket(short)
                before = os.umask(0o177)
                try:
                    listener.bind(short)
                finally:
                    os.umask(before)
                permit_groups(short, gids)
            listener.listen(_CONNECTIONS_WAITING)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                hint = "stop that one first: systemctl stop goodhoster-people"
                raise BusyError(f"another service listens on {address}", hint=hint) from error
            hint = "see [roles] socket: its directory must be there, on a file system that keeps access lists, as /run"
            raise ConfigurationError(f"cannot listen on {address}: {error.strerror}", hint=hint) from error
        try:
            yield listener
        finally:
            with suppress(OSError):
                os.unlink(address)
