"""Accounts of this host, and what their groups may do."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass

from goodhoster.errors import RefusedError
from goodhoster.settings.roles import RolesSettings
from goodhoster_agent.people.rights import Right

ALL = frozenset(Right)


@dataclass(frozen=True, slots=True)
class HostAccount:
    """A person as an account of this host."""

    uid: int
    name: str
    groups: frozenset[str]


FindAccount = Callable[[int], HostAccount]
"""The account of a user id; RefusedError where this host has none."""


def account_of(uid: int) -> HostAccount:
    """The account with its groups as this host's account database has them now.

    Not as the process got them when its session began: whoever leaves a group loses its rights at once.
    """
    try:
        found = pwd.getpwuid(uid)
    except (KeyError, OverflowError) as error:
        hint = "use the commands with an account of this host"
        raise RefusedError(f"user {uid} has no account on this host", hint=hint) from error
    gids = os.getgrouplist(found.pw_name, found.pw_gid)
    return HostAccount(uid, found.pw_name, frozenset(name for name in map(_name_of, gids) if name))


def rights_of(account: HostAccount, roles: RolesSettings) -> frozenset[Right]:
    """What an account may do; root may do everything."""
    if account.uid == 0:
        return ALL
    given = {Right.SEE: roles.see, Right.DECIDE: roles.decide, Right.CHANGE: roles.change, Right.EXPORT: roles.export}
    rights = {right for right, groups in given.items() if account.groups & frozenset(groups)}
    return frozenset(rights | {Right.SEE} if rights else rights)


def _name_of(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except (KeyError, OverflowError):
        return ""
