"""The person who types a command, where it matters who that is.

By the account: the one that called sudo (SUDO_UID), else the process's own. An account shows which key or password was
used, not whose fingers; and who is root already may name another. Root itself is nobody in particular.
"""

from __future__ import annotations

import os
import pwd

from goodhoster.errors import RefusedError
from goodhoster.model.sealed_evidence import Person


def current_person() -> Person:
    """The person at the keyboard. RefusedError where that is root, or no account of this host."""
    uid = os.getuid()
    called_by = os.environ.get("SUDO_UID", "")
    if uid == 0 and called_by.isascii() and called_by.isdigit():
        uid = int(called_by)
    if uid == 0:
        hint = "log in with an account of your own, and use sudo"
        raise RefusedError("root is a shared account, and this needs the name of a person", hint=hint)
    try:
        return Person(pwd.getpwuid(uid).pw_name, uid)
    except (KeyError, OverflowError) as error:
        hint = "log in with an account of this host, and use sudo"
        raise RefusedError(f"user {uid} has no account on this host", hint=hint) from error
