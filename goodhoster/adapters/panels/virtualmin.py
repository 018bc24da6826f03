"""Virtualmin, by its command line.

The listing prints passwords: of each entry only the fields that are used are kept, and nothing of it is quoted.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from goodhoster.adapters.counterparts import account_name, host_argument, one_line, quotable, run_program
from goodhoster.errors import PassingError, PermanentError, RefusedError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.customers.panels import PanelAccount, PanelSite, SuspensionTarget

_FIELD = re.compile(r"\s+([A-Z][A-Za-z0-9 /_-]{0,60}): ?(.*)")
_KEPT = frozenset(
    {"Username", "Type", "Parent domain", "Contact email", "HTML directory", "Disabled", "Reseller", "Description"}
)
_TOP = "top-level server"
_ALIAS = "alias"


@dataclass(frozen=True, slots=True)
class VirtualminPanel:
    """See `ports.Panel`. An account is a top-level server with its sub-servers, by its user."""

    name: str
    program: Path
    run: Run = run_here
    proven: str = ""

    def accounts(self) -> Iterator[PanelAccount]:
        """See `ports.Panel`."""
        return iter(_accounts(self._listed()))

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        user = account_name(account_id)
        for account in _accounts(self._listed("--user", user)):
            if account.id == user:
                return account
        raise RefusedError(f"{self.name} has no account {user}", hint="look in Virtualmin: List Virtual Servers")

    def suspend(self, target: SuspensionTarget, reason: str) -> None:
        """See `ports.Suspends`. What is disabled already is left: else the program fails."""
        account = self.account(target.account)
        for site in _target_sites(account, target):
            if site.suspended is not True:
                host = host_argument(site.host)
                self._call("disable-domain", "--domain", host, "--why", one_line(reason))

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        account = self.account(target.account)
        for site in _target_sites(account, target):
            if site.suspended is not False:
                self._call("enable-domain", "--domain", host_argument(site.host))

    def _listed(self, *which: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        return read_listing(self._call("list-domains", *which, "--multiline"))

    def _call(self, verb: str, *arguments: str) -> str:
        ended = run_program(self.run, [os.fspath(self.program), verb, *arguments])
        if ended.code == 0:
            return ended.out.decode("utf-8", "replace")
        message = f"{self.name}: virtualmin {verb} ended with {ended.code}"
        if verb != "list-domains":  # whose output may hold passwords
            message += f": {quotable((ended.err or ended.out).decode('utf-8', 'replace'))}"
        kind = PassingError if ended.code < 0 else PermanentError
        raise kind(message, hint=f"run it by hand: virtualmin {verb}")


def read_listing(printed: str) -> Sequence[tuple[str, Mapping[str, str]]]:
    """The servers of `list-domains --multiline` by host, with the fields that are used.

    PermanentError where it is no such listing.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for line in printed.splitlines():
        if line and not line[0].isspace():
            found.append((line.strip().lower(), {}))
        elif (entry := _FIELD.fullmatch(line)) and found and entry[1] in _KEPT:
            found[-1][1].setdefault(entry[1], entry[2].strip())
    if any("Username" not in fields or "Type" not in fields for _, fields in found):
        raise PermanentError(
            "virtualmin list-domains printed something else", hint="run it by hand; which version is it?"
        )
    return found


def _accounts(listed: Sequence[tuple[str, Mapping[str, str]]]) -> list[PanelAccount]:
    """The accounts; servers and sub-servers of one user are one."""
    of_user: defaultdict[str, list[tuple[str, Mapping[str, str]]]] = defaultdict(list)
    for host, fields in listed:
        of_user[fields["Username"]].append((host, fields))
    return [_account(user, servers) for user, servers in of_user.items()]


def _account(user: str, servers: Sequence[tuple[str, Mapping[str, str]]]) -> PanelAccount:
    top = next((fields for _, fields in servers if fields["Type"].lower() == _TOP), servers[0][1])
    sites = tuple(_site(host, fields) for host, fields in servers if not fields["Type"].lower().startswith(_ALIAS))
    return PanelAccount(
        id=user,
        suspended=bool(sites) and all(site.suspended for site in sites),
        sites=sites,
        name=top.get("Description", "") or user,
        email=top.get("Contact email", ""),
        reseller=top.get("Reseller", ""),
    )


def _site(host: str, fields: Mapping[str, str]) -> PanelSite:
    docroot = fields.get("HTML directory", "")
    return PanelSite(host, os.fsencode(docroot) or None, suspended="Disabled" in fields)


def _target_sites(account: PanelAccount, target: SuspensionTarget) -> Sequence[PanelSite]:
    if not target.host:
        return account.sites
    site = account.site(target.host)
    if site is None:
        raise RefusedError(f"account {account.id} has no site {target.host}", hint="look in Virtualmin")
    return [site]
