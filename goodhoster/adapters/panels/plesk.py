"""Plesk, by its REST interface and the command line behind it.

It suspends subscriptions; an account is all of its. An order that failed is answered with status 200 and a `code`
that is not 0. After some bad logins everything is answered with 401 and nothing else for five minutes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from goodhoster.adapters.counterparts import (
    Endpoint,
    account_name,
    host_argument,
    json_value,
    quotable,
    tables_of,
    text_of,
    unreadable,
)
from goodhoster.errors import PermanentError, RefusedError
from goodhoster.model.customers.panels import PanelAccount, PanelSite, SuspensionTarget

_STATUS = re.compile(r"^Domain status:\s+(.+?)\s*$", re.MULTILINE)
_OFF = ("turned off", "suspended", "disabled")


@dataclass(frozen=True, slots=True)
class PleskPanel:
    """See `ports.Panel`."""

    name: str
    endpoint: Endpoint
    proven: str = ""

    def accounts(self) -> Iterator[PanelAccount]:
        """See `ports.Panel`."""
        for client in self._list("/api/v2/clients"):
            yield self._account(client)

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        login = account_name(account_id)
        for client in self._list("/api/v2/clients"):
            if text_of(client, "login") == login:
                return self._account(client)
        raise RefusedError(f"{self.name} has no customer {login}", hint="look in Plesk: Customers")

    def suspend(self, target: SuspensionTarget, reason: str) -> None:  # noqa: ARG002 - Plesk keeps no reason
        """See `ports.Suspends`."""
        for host in self._hosts(target):
            self._command("subscription", "--webspace-off", host)

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        for host in self._hosts(target):
            self._command("subscription", "--webspace-on", host)

    def _hosts(self, target: SuspensionTarget) -> list[str]:
        if target.host:
            return [host_argument(target.host)]
        return [host_argument(site.host) for site in self.account(target.account).sites]

    def _account(self, client: Mapping[str, Any]) -> PanelAccount:
        number, login = text_of(client, "id"), text_of(client, "login")
        if not number or not login:
            raise unreadable("/api/v2/clients")
        sites = tuple(map(self._site, self._list(f"/api/v2/clients/{quote(number, safe='')}/domains")))
        states = {site.suspended for site in sites}
        return PanelAccount(
            id=login,
            suspended=states == {True} if None not in states else None,
            sites=sites,
            name=text_of(client, "name"),
            company=text_of(client, "company"),
            email=text_of(client, "email"),
            language=text_of(client, "locale")[:2].lower(),
            reseller=text_of(client, "owner_login").removeprefix("admin"),
            holds_others=text_of(client, "type") not in {"", "customer"},
        )

    def _site(self, domain: Mapping[str, Any]) -> PanelSite:
        host, docroot = text_of(domain, "name"), text_of(domain, "www_root")
        status = _STATUS.search(self._command("site", "--info", host_argument(host)))
        return PanelSite(host, os.fsencode(docroot) or None, suspended=_is_off(status[1]) if status else None)

    def _list(self, path: str) -> list[Mapping[str, Any]]:
        reply = self.endpoint.ask("GET", path)
        return tables_of(json_value(reply.body, path), path)

    def _command(self, utility: str, *arguments: str) -> str:
        path = f"/api/v2/cli/{utility}/call"
        answer = self.endpoint.table("POST", path, body={"params": list(arguments)})
        code = answer.get("code")
        if not isinstance(code, int) or isinstance(code, bool):
            raise unreadable(path)
        if code != 0:
            said = quotable(text_of(answer, "stderr", "stdout"), self.endpoint.secrets)
            hint = f"run it by hand: plesk bin {utility} {' '.join(arguments)}"
            raise PermanentError(f"{self.name}: {utility} {arguments[0]} ended with {code}: {said}", hint=hint)
        return text_of(answer, "stdout")


def _is_off(status: str) -> bool | None:
    if status.lower() == "ok":
        return False
    return True if status.lower().startswith(_OFF) else None
