"""Stand-ins for the panels that are asked by programs: each is a `programs.Run`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import unquote

from goodhoster.linux.programs import Ended
from goodhoster.testing.panels.hosting import MADE_UP_PASSWORD, FakeAccount, FakeHosting, FakeSite

_YES = {True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class FakeHestia:
    """The scripts of HestiaCP: JSON that escapes nothing, exit codes of its own."""

    hosting: FakeHosting

    def __call__(self, argv: Sequence[str], _given: bytes = b"") -> Ended:
        """Run a script."""
        script, arguments = PurePath(argv[0]).name, list(argv[1:])
        if script == "v-list-users":
            shown = [self._user(one) for one in self.hosting.accounts]
            return _printed("{\n" + ",\n".join(shown) + "}\n")
        account = self.hosting.account(arguments[0])
        if account is None:
            return _printed(f"Error: user {arguments[0]} doesn't exist\n", 3)
        if script == "v-list-user":
            return _printed("{\n" + self._user(account) + "\n}\n")
        if script == "v-list-web-domains":
            return _printed("{\n" + ",\n".join(map(self._site, account.sites)) + "\n}\n")
        return self._order(script, account, arguments[1:])

    def _order(self, script: str, account: FakeAccount, more: Sequence[str]) -> Ended:
        suspended = script.startswith("v-suspend")
        site = self.hosting.site(more[0]) if more else None
        if more and site is None:
            return _printed(f"Error: web domain {more[0]} doesn't exist\n", 3)
        if suspended is (site.suspended if site else account.suspended):
            if site is None and not suspended:
                return _printed("")  # the script for users does not look
            return _printed(f"Error: {account.user} is {'' if suspended else 'not '}suspended\n", 5 if suspended else 6)
        if site:
            self.hosting.switch_site(site.host, suspended=suspended)
        else:
            self.hosting.switch(account.user, suspended=suspended)
        return _printed("")

    @staticmethod
    def _user(account: FakeAccount) -> str:
        fields = {"NAME": account.name, "CONTACT": account.email, "RKEY": MADE_UP_PASSWORD, "ROLE": "user"}
        return _hestia_object(account.user, fields | {"SUSPENDED": _YES[account.suspended], "LANGUAGE": "nl"}, " " * 8)

    @staticmethod
    def _site(site: FakeSite) -> str:
        fields = {"IP": "192.0.2.1", "DOCUMENT_ROOT": f"{site.docroot}/", "ALIAS": f"www.{site.host}", "SSL": "no"}
        return _hestia_object(site.host, fields | {"SUSPENDED": _YES[site.suspended], "DATE": "2026-01-01"}, " " * 4)


def _hestia_object(name: str, fields: Mapping[str, str], end: str) -> str:
    lines = ",\n".join(f'        "{key}": "{value}"' for key, value in fields.items())
    return f'    "{name}": {{\n{lines}\n{end}}}'


@dataclass(frozen=True, slots=True)
class FakeWhm:
    """`whmapi1 --output=json`: success stands in `metadata`, the exit status is always 0."""

    hosting: FakeHosting

    def __call__(self, argv: Sequence[str], _given: bytes = b"") -> Ended:
        """Run a function."""
        function = argv[2]
        values = {key: unquote(value) for key, _, value in (argument.partition("=") for argument in argv[3:])}
        account = self.hosting.account(values.get("user", ""))
        if function == "listaccts":
            return _whm({"acct": [self._entry(one) for one in self.hosting.accounts]})
        if account is None:
            return _whm(None, "Account does not exist.")
        if function in {"suspendacct", "unsuspendacct"}:
            self.hosting.switch(account.user, suspended=function == "suspendacct")
            return _whm(None)
        return _whm({"acct": [self._entry(account)]})

    def domains(self) -> str:
        """`/etc/userdatadomains`."""
        return "".join(
            f"{site.host}: {one.user}==root==main=={one.sites[0].host}=={site.docroot}==192.0.2.1:80====0\n"
            f"www-{site.host}: {one.user}==root==parked=={one.sites[0].host}=={site.docroot}==192.0.2.1:80====0\n"
            for one in self.hosting.accounts
            for site in one.sites
        )

    @staticmethod
    def _entry(account: FakeAccount) -> Mapping[str, object]:
        return {
            "user": account.user,
            "domain": account.sites[0].host if account.sites else "",
            "owner": "root",
            "email": account.email,
            "suspended": int(account.suspended),
            "suspendreason": "x" if account.suspended else "not suspended",
            "is_locked": 0,
            "child_nodes": [],
        }


def _whm(data: object, failure: str = "") -> Ended:
    metadata = {"version": 1, "result": 0 if failure else 1, "reason": failure or "OK", "command": "x"}
    return _printed(json.dumps({"metadata": metadata} | ({"data": data} if data is not None else {})))


@dataclass(frozen=True, slots=True)
class FakeVirtualmin:
    """`virtualmin`: prints passwords, and usage where a server is disabled already."""

    hosting: FakeHosting

    def __call__(self, argv: Sequence[str], _given: bytes = b"") -> Ended:
        """Run a command."""
        verb, values = argv[1], dict(zip(argv[2::2], argv[3::2], strict=False))
        if verb == "list-domains":
            wanted = [one for one in self.hosting.accounts if values.get("--user", one.user) == one.user]
            return _printed("".join(self._entry(one, site) for one in wanted for site in one.sites))
        site, disabled = self.hosting.site(values["--domain"]), verb == "disable-domain"
        if site is None or site.suspended is disabled:
            return Ended(1, b"", b"Virtual server is already so\n\nusage: virtualmin " + verb.encode() + b"\n")
        self.hosting.switch_site(site.host, suspended=disabled)
        return _printed("Done!\n")

    @staticmethod
    def _entry(account: FakeAccount, site: FakeSite) -> str:
        top = site is account.sites[0]
        lines = [
            "ID: 1234",
            f"Type: {'Top-level server' if top else 'Sub-server'}",
            f"Description: {account.name}",
            f"Username: {account.user}",
            f"Password: {MADE_UP_PASSWORD}",
            f"Contact email: {account.email}",
            f"HTML directory: {site.docroot}",
            *(["Disabled: Via command line API"] if site.suspended else []),
        ]
        return site.host + "\n" + "".join(f"    {line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class FakeCommands:
    """Programs of an administrator's, as the kind `command` documents them: verb, account, host."""

    hosting: FakeHosting

    def __call__(self, argv: Sequence[str], _given: bytes = b"") -> Ended:
        """Run a program."""
        verb, user, host = (*argv[1:], "", "")[:3]
        if verb == "list":
            return _printed("".join(json.dumps(self._entry(one)) + "\n" for one in self.hosting.accounts))
        account = self.hosting.account(user)
        if account is None:
            return Ended(3, b"", b"no such account; password=" + MADE_UP_PASSWORD.encode())
        if verb == "state":
            return _printed(json.dumps(self._entry(account)))
        if host:
            self.hosting.switch_site(host, suspended=verb == "suspend")
        else:
            self.hosting.switch(user, suspended=verb == "suspend")
        return _printed("")

    @staticmethod
    def _entry(account: FakeAccount) -> Mapping[str, object]:
        sites = [
            {"host": site.host, "docroot": site.docroot, "aliases": [], "suspended": site.suspended}
            for site in account.sites
        ]
        return {
            "account": account.user,
            "suspended": account.suspended,
            "name": account.name,
            "email": account.email,
            "sites": sites,
        }


def _printed(text: str, code: int = 0) -> Ended:
    return Ended(code, text.encode(), b"")
