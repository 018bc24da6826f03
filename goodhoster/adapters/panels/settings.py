"""The kinds of [[panel]]: the settings of each, and how to build it from them.

Registered in the entry-point group `goodhoster.panels`, as anybody else's would be. What a kind runs is listed by
`commands`, each with the number of arguments that are added, and is run by the `Run` that `build` is given: the daemon
may run nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from goodhoster.adapters.counterparts import Endpoint
from goodhoster.adapters.panels.command import CommandPanel, Programs
from goodhoster.adapters.panels.cpanel import CpanelPanel
from goodhoster.adapters.panels.directadmin import DirectAdminPanel
from goodhoster.adapters.panels.hestia import HestiaPanel
from goodhoster.adapters.panels.ispconfig import IspConfigPanel
from goodhoster.adapters.panels.plesk import PleskPanel
from goodhoster.adapters.panels.virtualmin import VirtualminPanel
from goodhoster.linux.programs import Run, run_here
from goodhoster.ports.panels import Panel
from goodhoster.settings import one_of, path, read_secret, setting, text, texts

Added = tuple[tuple[str, ...], int]
"""A program with the arguments that stand fast, and how many are added."""


@dataclass(frozen=True, slots=True)
class HestiaKind:
    """HestiaCP, by its scripts."""

    kind: str = setting(one_of("hestiacp"), "Which kind of panel this is.", example='"hestiacp"')
    scripts: Path = setting(path, "The directory of its v- scripts.", default=Path("/usr/local/hestia/bin"))

    def build(self, name: str, run: Run = run_here) -> Panel:
        """Build the adapter; the panel is not asked yet."""
        return HestiaPanel(name, self.scripts, run)

    def commands(self) -> Iterator[Added]:
        """The programs that it runs."""
        yield (os.fspath(self.scripts / "v-list-users"),), 1
        for script in ("v-suspend-user", "v-unsuspend-user"):
            yield (os.fspath(self.scripts / script),), 1
        for script in ("v-list-user", "v-list-web-domains", "v-suspend-web-domain", "v-unsuspend-web-domain"):
            yield (os.fspath(self.scripts / script),), 2


@dataclass(frozen=True, slots=True)
class CpanelKind:
    """cPanel/WHM, by whmapi1 on its own server."""

    kind: str = setting(one_of("cpanel"), "Which kind of panel this is.", example='"cpanel"')
    program: Path = setting(path, "Its program.", default=Path("/usr/local/cpanel/bin/whmapi1"))
    domains: Path = setting(path, "Its list of sites and their docroots.", default=Path("/etc/userdatadomains"))

    def build(self, name: str, run: Run = run_here) -> Panel:
        """Build the adapter; the panel is not asked yet."""
        return CpanelPanel(name, self.program, self.domains, run)

    def commands(self) -> Iterator[Added]:
        """The programs that it runs."""
        program = os.fspath(self.program)
        for function, added in (("listaccts", 0), ("accountsummary", 1), ("suspendacct", 3), ("unsuspendacct", 1)):
            yield (program, "--output=json", function), added


@dataclass(frozen=True, slots=True)
class DirectAdminKind:
    """DirectAdmin, by its HTTP interface."""

    kind: str = setting(one_of("directadmin"), "Which kind of panel this is.", example='"directadmin"')
    url: str = setting(text, "Its URL.", example='"https://panel.hoster.example:2222"')
    username: str = setting(text, "An administrator's login.", example='"admin"')
    password_file: Path = setting(
        path, "A login key for it, better than the password.", example='"directadmin.password"'
    )
    ca_file: Path | None = setting(
        path, "Its certificate, where no public authority signed it.", default=None, example='"panel.pem"'
    )

    def build(self, name: str, _run: Run = run_here) -> Panel:
        """Build the adapter; the panel is not asked yet."""
        secret = read_secret(self.password_file, f"password of {name}")
        account = (self.username, secret)
        return DirectAdminPanel(
            name, Endpoint(_root(self.url), account=account, ca_file=self.ca_file, secrets=(secret,))
        )

    def commands(self) -> Iterator[Added]:
        """The programs that it runs: none."""
        return iter(())


@dataclass(frozen=True, slots=True)
class PleskKind:
    """Plesk, by its REST interface."""

    kind: str = setting(one_of("plesk"), "Which kind of panel this is.", example='"plesk"')
    url: str = setting(text, "Its URL.", example='"https://panel.hoster.example:8443"')
    key_file: Path = setting(path, "A secret key of its REST interface.", example='"plesk.key"')
    ca_file: Path | None = setting(
        path, "Its certificate, where no public authority signed it.", default=None, example='"panel.pem"'
    )

    def build(self, name: str, _run: Run = run_here) -> Panel:
        """Build the adapter; the panel is not asked yet."""
        secret = read_secret(self.key_file, f"key of {name}")
        headers = {"X-API-Key": secret}
        return PleskPanel(name, Endpoint(_root(self.url), headers=headers, ca_file=self.ca_file, secrets=(secret,)))

    def commands(self) -> Iterator[Added]:
        """The programs that it runs: none."""
        return iter(())


@dataclass(frozen=True, slots=True)
class VirtualminKind:
    """Virtualmin, by its command line."""

    kind: str = setting(one_of("virtualmin"), "Which kind of panel this is.", example='"virtualmin"')
    program: Path = setting(path, "Its program.", default=Path("/usr/sbin/virtualmin"))

    def build(self, name: str, run: Run = run_here) -> Panel:
        """Build the adapter; the panel is not asked yet."""
        return VirtualminPanel(name, self.program, run)

    def commands(self) -> Iterator[Added]:
        """The programs that it runs."""
        for verb, added in (("list-domains", 1), ("list-domains", 3), ("disable-domain", 4), ("enable-domain", 2)):
            yield (os.fspath(self.program), verb), added


@dataclass(frozen=True, slots=True)
class IspConfigKind:
    """ISPConfig, by its remote interface."""

    kind: str = setting(one_of("ispconfig"), "Which kind of panel this is.", example='"ispconfig"')
    url: str = setting(text, "Its remote interface.", example='"https://panel.hoster.example:8080/remote/json.php"')
    username: str = setting(text, "A remote user (System, Remote Users).", example='"goodhoster"')
    password_file: Path = setting(path, "Its password.", example='"ispconfig.password"')
    ca_file: Path | None = setting(
        path, "Its certificate, where no public authority signed it.", default=None, example='"panel.pem"'
    )

    def build(self, name: str, _run: Run = run_here) -> Panel:
        """Build the adapter; the panel is not asked yet."""
        secret = read_secret(self.password_file, f"password of {name}")
        endpoint = Endpoint(_root(self.url), ca_file=self.ca_file, secrets=(secret,))
        return IspConfigPanel(name, endpoint, self.username, secret)

    def commands(self) -> Iterator[Added]:
        """The programs that it runs: none."""
        return iter(())


@dataclass(frozen=True, slots=True)
class CommandKind:
    """Programs of your own; `{account}`, `{host}` and `{reason}` are replaced in arguments."""

    kind: str = setting(one_of("command"), "Which kind of panel this is.", example='"command"')
    list: tuple[str, ...] = setting(texts, "Prints an account a line, as JSON.", example='["/usr/local/sbin/accounts"]')
    state: tuple[str, ...] = setting(
        texts,
        "Prints one account as JSON; ends with 3 where there is none.",
        example='["/usr/local/sbin/state", "{account}"]',
    )
    suspend: tuple[str, ...] = setting(
        texts, "Suspends an account.", example='["/usr/local/sbin/suspend", "{account}", "{reason}"]'
    )
    unsuspend: tuple[str, ...] = setting(
        texts, "Undoes it exactly.", example='["/usr/local/sbin/unsuspend", "{account}"]'
    )
    suspend_site: tuple[str, ...] = setting(texts, "Suspends one site.", default=())
    unsuspend_site: tuple[str, ...] = setting(texts, "Undoes it exactly.", default=())

    def build(self, name: str, run: Run = run_here) -> Panel:
        """Build the adapter; nothing is run yet."""
        programs = Programs(self.list, self.state, self.suspend, self.unsuspend, self.suspend_site, self.unsuspend_site)
        return CommandPanel(name, programs, run)

    def commands(self) -> Iterator[Added]:
        """The programs that it runs."""
        written = (self.list, self.state, self.suspend, self.unsuspend, self.suspend_site, self.unsuspend_site)
        for program in written:
            fixed = next((n for n, argument in enumerate(program) if "{" in argument), len(program))
            if fixed:
                yield program[:fixed], len(program) - fixed


def _root(url: str) -> str:
    return url.rstrip("/")
