"""Programs of the administrator's in place of a panel: argument lists, never a shell.

`list` prints an account a line and `state` prints one, as JSON objects: `{"account": "anna", "suspended": false,
"name": "…", "email": "…", "reseller": "…", "sites": [{"host": "anna.example", "docroot": "/srv/anna", "aliases": [],
"suspended": false}]}`. In each argument `{account}`, `{host}` and `{reason}` are replaced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goodhoster.adapters.counterparts import (
    account_name,
    host_argument,
    json_table,
    one_line,
    quotable,
    run_program,
    tables_of,
    text_of,
    unreadable,
)
from goodhoster.errors import PermanentError, RefusedError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.customers.panels import PanelAccount, PanelSite, SuspensionTarget

_NO_SUCH = 3


@dataclass(frozen=True, slots=True)
class Programs:
    """The arguments of each program; an empty one is not there."""

    listing: tuple[str, ...]
    state: tuple[str, ...]
    suspend: tuple[str, ...]
    unsuspend: tuple[str, ...]
    suspend_site: tuple[str, ...] = ()
    unsuspend_site: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandPanel:
    """See `ports.Panel`."""

    name: str
    programs: Programs
    run: Run = run_here
    proven: str = "by the tests of goodhoster, which run programs of their own"

    def accounts(self) -> Iterator[PanelAccount]:
        """See `ports.Panel`."""
        for line in self._call(self.programs.listing).splitlines():
            if line.strip():
                yield _account(json_table(line, f"{self.name} list"), f"{self.name} list")

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`. The program ends with 3 where there is no such account."""
        printed = self._call(self.programs.state, account=account_name(account_id))
        account = _account(json_table(printed, f"{self.name} state"), f"{self.name} state")
        if account.id != account_id:
            raise unreadable(f"{self.name} state")
        return account

    def suspend(self, target: SuspensionTarget, reason: str) -> None:
        """See `ports.Suspends`."""
        self._order(target, (self.programs.suspend, self.programs.suspend_site), one_line(reason))

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        self._order(target, (self.programs.unsuspend, self.programs.unsuspend_site))

    def _order(self, target: SuspensionTarget, programs: tuple[Sequence[str], Sequence[str]], reason: str = "") -> None:
        account, of_site = programs
        host = host_argument(target.host) if target.host else ""
        self._call(of_site if host else account, account=account_name(target.account), host=host, reason=reason)

    def _call(self, program: Sequence[str], **values: str) -> bytes:
        if not program:
            raise RefusedError(f"{self.name} has no program for that", hint="see the [[panel]] section")
        ended = run_program(self.run, [_filled(argument, values) for argument in program])
        if ended.code == 0:
            return ended.out
        message = f"{self.name}: {program[0]} ended with {ended.code}: {quotable(ended.err.decode('utf-8', 'replace'))}"
        if ended.code == _NO_SUCH:
            raise RefusedError(message, hint="3 means that there is no such account or site")
        raise PermanentError(message, hint="run it by hand")


def _filled(argument: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        argument = argument.replace("{" + name + "}", value)
    return argument


def _account(entry: Mapping[str, Any], where: str) -> PanelAccount:
    account, suspended = text_of(entry, "account"), entry.get("suspended")
    if not account or not isinstance(suspended, bool):
        raise unreadable(where)
    return PanelAccount(
        id=account,
        suspended=suspended,
        sites=tuple(_site(site, where) for site in tables_of(entry.get("sites"), where)),
        name=text_of(entry, "name"),
        company=text_of(entry, "company"),
        email=text_of(entry, "email"),
        language=text_of(entry, "language"),
        country=text_of(entry, "country"),
        reseller=text_of(entry, "reseller"),
    )


def _site(entry: Mapping[str, Any], where: str) -> PanelSite:
    host, suspended, aliases = text_of(entry, "host"), entry.get("suspended"), entry.get("aliases", [])
    if not host or suspended not in (True, False, None) or not isinstance(aliases, list):
        raise unreadable(where)
    docroot = os.fsencode(text_of(entry, "docroot")) or None
    return PanelSite(host, docroot, tuple(map(str, aliases)), suspended)
