"""HestiaCP, by its own command-line scripts.

Their JSON is printed by a shell script that escapes nothing: a quote in a customer's name breaks it, and a name can be
written so that it stays valid and says something else. So it is read by lines, as the scripts print them: a value
reaches to the end of its line, and no value can hold a line break (the scripts remove control characters).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from goodhoster.adapters.counterparts import account_name, flag, host_argument, quotable, run_program
from goodhoster.errors import PassingError, PermanentError, RefusedError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.customers.panels import PanelAccount, PanelSite, SuspensionTarget

_OPENS = re.compile(r'\s{0,8}"([^"]+)": \{')
_FIELD = re.compile(r'\s{4,16}"([A-Z0-9_]+)": "(.*)",?')
_MISSING = 3
_ALREADY = frozenset({5, 6})  # suspended, or not suspended: reading again tells which
_PASSING = frozenset({13, 14, 15, 20})  # disk, load, connection, restart
_MEANINGS = {
    1: "wrong arguments",
    2: "an invalid argument",
    3: "there is no such account or site",
    10: "it is forbidden",
    11: "the subsystem is switched off",
    12: "its own data cannot be parsed",
    13: "the disk is full",
    14: "the load is too high",
    15: "no connection",
    20: "the web server could not be restarted: the site may still be served",
}


@dataclass(frozen=True, slots=True)
class HestiaPanel:
    """See `ports.Panel`."""

    name: str
    scripts: Path
    run: Run = run_here
    proven: str = "list, suspend, verify and unsuspend with the scripts of HestiaCP 1.10 in a namespace"

    def accounts(self) -> Iterator[PanelAccount]:
        """See `ports.Panel`."""
        for user, values in self._objects("v-list-users", "json"):
            yield self._account(user, values)

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        for user, values in self._objects("v-list-user", account_name(account_id), "json"):
            return self._account(user, values)
        raise RefusedError(f"{self.name} has no account {account_id}", hint="goodhoster customers import --panel")

    def suspend(self, target: SuspensionTarget, reason: str) -> None:  # noqa: ARG002 - Hestia keeps no reason
        """See `ports.Suspends`."""
        self._order("suspend", target)

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`. Unsuspending a user lifts every suspended site of it."""
        self._order("unsuspend", target)

    def _order(self, verb: str, target: SuspensionTarget) -> None:
        """Order without the argument RESTART.

        With `no` the web server is never told, and goes on serving the site.
        """
        user = account_name(target.account)
        if target.host:
            self._call(f"v-{verb}-web-domain", user, host_argument(target.host))
        else:
            self._call(f"v-{verb}-user", user)

    def _account(self, user: str, values: Mapping[str, str]) -> PanelAccount:
        sites = (_site(host, table) for host, table in self._objects("v-list-web-domains", account_name(user), "json"))
        return PanelAccount(
            id=user,
            suspended=flag(values.get("SUSPENDED")),
            sites=tuple(sites),
            name=values.get("NAME", ""),
            email=values.get("CONTACT", ""),
            language=values.get("LANGUAGE", ""),
        )

    def _objects(self, script: str, *arguments: str) -> Iterator[tuple[str, dict[str, str]]]:
        """The objects of a listing by name."""
        return iter(read_listing(self._call(script, *arguments), script))

    def _call(self, script: str, *arguments: str) -> str:
        ended = run_program(self.run, [os.fspath(self.scripts / script), *arguments])
        said = ended.out.decode("utf-8", "replace")
        if ended.code == 0 or (ended.code in _ALREADY and "suspend" in script):
            return said
        why = _MEANINGS.get(ended.code) or quotable(said or ended.err.decode("utf-8", "replace"))
        message = f"{self.name}: {script} ended with {ended.code}: {why}"
        if ended.code == _MISSING:
            raise RefusedError(message, hint="look in the panel whether it was renamed or removed")
        kind = PassingError if ended.code in _PASSING or ended.code < 0 else PermanentError
        raise kind(message, hint=f"run it by hand: {script} {' '.join(arguments)}")


def read_listing(printed: str, script: str) -> Sequence[tuple[str, dict[str, str]]]:
    """The objects that a v-list- script printed as JSON, by name, whatever their values hold.

    PermanentError where it is not whole.
    """
    lines = [line for line in printed.split("\n") if line.strip()]
    if not lines or lines[0].strip() != "{" or lines[-1].strip() not in {"}", "}}"}:
        raise PermanentError(f"{script} printed no whole list", hint=f"run it by hand: {script}")
    found: list[tuple[str, dict[str, str]]] = []
    for line in lines[1:-1]:
        if opened := _OPENS.fullmatch(line.rstrip()):
            found.append((opened[1], {}))
        elif (entry := _FIELD.fullmatch(line.rstrip())) and found:
            found[-1][1][entry[1]] = entry[2]
        elif line.strip() not in {"}", "},", ","}:
            raise PermanentError(f"{script} printed an unexpected line", hint=f"run it by hand: {script}")
    for name, values in found:
        if "SUSPENDED" not in values:
            raise PermanentError(f"{script} does not tell whether {name!r} is suspended", hint="is it HestiaCP's own?")
    return found


def _site(host: str, values: Mapping[str, str]) -> PanelSite:
    docroot = values.get("DOCUMENT_ROOT", "")
    aliases = tuple(alias for alias in values.get("ALIAS", "").split(",") if alias)
    return PanelSite(host, os.fsencode(docroot.rstrip("/")) or None, aliases, flag(values.get("SUSPENDED")))
