"""Whether what was typed is to be run by the service for people, and where that listens."""

from __future__ import annotations

import os
from pathlib import Path

SOCKET_VARIABLE = "GOODHOSTER_PEOPLE_SOCKET"
_DEFAULT_SOCKET = "/run/goodhoster-people/people.sock"
_DEFAULT_CONFIG = "/etc/goodhoster/goodhoster.toml"
"""As `settings` has them: written here again, so that a command of root's loads nothing for this."""


def service_address() -> Path | None:
    """The address of the service, where this process cannot do the work itself; None otherwise.

    Whoever can read the configuration, or names another, needs no service.
    """
    if named := os.environ.get(SOCKET_VARIABLE):
        return Path(named)
    if os.geteuid() == 0 or os.environ.get("GOODHOSTER_CONFIG"):
        return None
    if os.access(_DEFAULT_CONFIG, os.R_OK) or not os.path.exists(_DEFAULT_SOCKET):
        return None
    return Path(_DEFAULT_SOCKET)
