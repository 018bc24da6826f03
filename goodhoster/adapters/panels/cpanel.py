"""cPanel/WHM, by `whmapi1` on the server itself. It suspends accounts, not single sites."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from goodhoster.adapters.counterparts import (
    account_name,
    flag,
    json_table,
    one_line,
    quotable,
    run_program,
    tables_of,
    text_of,
    unreadable,
)
from goodhoster.errors import GoodhosterError, PassingError, PermanentError, RefusedError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.customers.panels import PanelAccount, PanelSite, SuspensionTarget

_DOCROOT = 4  # field of a line of userdatadomains: user, owner, type, main domain, docroot
_KIND = 2
_WRITER = "/usr/local/cpanel/scripts/updateuserdomains"


@dataclass(frozen=True, slots=True)
class CpanelPanel:
    """See `ports.Panel`."""

    name: str
    program: Path
    domains: Path
    """`/etc/userdatadomains`: which site is whose, and its docroot."""
    run: Run = run_here
    proven: str = ""

    def accounts(self) -> Iterator[PanelAccount]:
        """See `ports.Panel`."""
        sites, doubt = self._sites()
        if doubt is not None:
            raise doubt
        entries = tables_of(self._call("listaccts").get("acct"), "whmapi1 listaccts")
        if entries and sites.keys().isdisjoint(text_of(entry, "user") for entry in entries):
            raise self._cut_off_error(f"has no line of any account, and WHM has {len(entries)}")
        for entry in entries:
            yield _account(entry, sites)

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        found = tables_of(self._call("accountsummary", f"user={account_name(account_id)}").get("acct"), "whmapi1")
        for entry in found:
            if entry.get("user") == account_id:
                return _account(entry, self._sites()[0])  # a line that says too little delays no suspension
        raise RefusedError(f"{self.name} has no account {account_id}", hint="look in WHM: List Accounts")

    def suspend(self, target: SuspensionTarget, reason: str) -> None:
        """See `ports.Suspends`. Never `suspendreseller`, which would take its customers along."""
        user = self._whole(target)
        self._call("suspendacct", f"user={user}", f"reason={quote(one_line(reason))}", "disallowun=1")

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        self._call("unsuspendacct", f"user={self._whole(target)}")

    def _whole(self, target: SuspensionTarget) -> str:
        if target.host:
            hint = f"suspend the account {target.account}, or block the address"
            raise RefusedError("cPanel suspends accounts, not single sites", hint=hint)
        return account_name(target.account)

    def _call(self, function: str, *arguments: str) -> Mapping[str, Any]:
        """The data of a successful answer; its exit status says nothing, its `metadata.result` does."""
        ended = run_program(self.run, [os.fspath(self.program), "--output=json", function, *arguments])
        if ended.code < 0:
            raise PassingError(f"{self.name}: whmapi1 {function} was ended by a signal", hint="run it by hand")
        answer = json_table(ended.out, f"whmapi1 {function}")
        metadata = answer.get("metadata")
        if not isinstance(metadata, dict) or flag(metadata.get("result")) is None:
            raise unreadable(f"whmapi1 {function}")
        if not flag(metadata["result"]):
            why = quotable(text_of(metadata, "reason"))
            if "not exist" in why.lower():
                raise RefusedError(f"{self.name}: {why}", hint="look in WHM: List Accounts")
            raise PermanentError(f"{self.name}: whmapi1 {function}: {why}", hint=f"run it by hand: whmapi1 {function}")
        data = answer.get("data", {})
        return data if isinstance(data, dict) else {}

    def _sites(self) -> tuple[Mapping[str, Sequence[PanelSite]], GoodhosterError | None]:
        """The sites of each user, and why they may not be all.

        From `host: user==owner==type==main==docroot==…` a line.
        """
        try:
            raw = self.domains.read_bytes()
        except OSError as error:
            hint = "see the setting domains of the [[panel]] section"
            raise PermanentError(f"{self.domains} cannot be read: {error.strerror}", hint=hint) from error
        doubt: GoodhosterError | None = None
        if raw and not raw.endswith(b"\n"):
            doubt = self._cut_off_error("was cut off within its last line")
        found: defaultdict[str, list[PanelSite]] = defaultdict(list)
        for number, line in enumerate(raw.split(b"\n"), 1):
            if not line.strip() or line.startswith(b"#"):
                continue
            host, colon, rest = line.partition(b": ")
            fields = rest.split(b"==")
            if not (host and colon and len(fields) > _DOCROOT):
                why = f"line {number} of {self.domains} does not tell a site and whose it is"
                doubt = doubt or PermanentError(why, hint=f"to write the list anew: {_WRITER}")
                continue
            if fields[_KIND] != b"parked":
                site = PanelSite(host.decode("utf-8", "replace"), fields[_DOCROOT] or None)
                found[fields[0].decode("utf-8", "replace")].append(site)
        return found, doubt

    def _cut_off_error(self, what: str) -> PassingError:
        hint = f"is it being written just now? try again; to write it anew: {_WRITER}"
        return PassingError(f"{self.domains} {what}", hint=hint)


def _account(entry: Mapping[str, Any], sites: Mapping[str, Sequence[PanelSite]]) -> PanelAccount:
    user, owner, domain = text_of(entry, "user"), text_of(entry, "owner"), text_of(entry, "domain")
    if not user:
        raise unreadable("whmapi1")
    listed = tuple(sites.get(user, ()))
    lacks = bool(domain) and domain.lower() not in {site.host.lower() for site in listed}
    return PanelAccount(
        id=user,
        suspended=flag(entry.get("suspended")),
        sites=(*listed, PanelSite(domain)) if lacks else listed,
        name=user,
        email=text_of(entry, "email").replace("*unknown*", ""),
        reseller=owner if owner not in {user, "root"} else "",
        unsure=f"the list of sites lacks its main domain {domain}" if lacks else "",
    )
