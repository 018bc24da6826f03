"""ISPConfig, by its remote interface. It suspends sites; an account is all of its sites.

Older versions write down that a site is off and do nothing: only a look at the site itself tells. FTP and mail of the
account stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from goodhoster.adapters.counterparts import (
    Endpoint,
    account_name,
    flag,
    quotable,
    tables_of,
    text_of,
    unreadable,
)
from goodhoster.errors import GoodhosterError, PermanentError, RefusedError
from goodhoster.model.customers.panels import PanelAccount, PanelSite, SuspensionTarget


@dataclass(frozen=True, slots=True)
class IspConfigPanel:
    """See `ports.Panel`."""

    name: str
    endpoint: Endpoint
    user: str
    password: str = field(repr=False)
    proven: str = ""

    def accounts(self) -> Iterator[PanelAccount]:
        """See `ports.Panel`."""
        with self._session() as session:
            for number in _numbers(self._call("client_get_all", session_id=session)):
                client = self._call("client_get", session_id=session, client_id=number)
                yield self._account(session, _table(client, "client_get"))[0]

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        with self._session() as session:
            return self._found(session, account_id)[0]

    def suspend(self, target: SuspensionTarget, reason: str) -> None:  # noqa: ARG002 - ISPConfig keeps no reason
        """See `ports.Suspends`."""
        self._order(target, "inactive")

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        self._order(target, "active")

    def _order(self, target: SuspensionTarget, status: str) -> None:
        with self._session() as session:
            account, numbers = self._found(session, target.account)
            site = account.site(target.host) if target.host else None
            if target.host and site is None:
                raise RefusedError(f"account {account.id} has no site {target.host}", hint="look in ISPConfig: Sites")
            for host in [site.host] if site else numbers:
                self._call("sites_web_domain_set_status", session_id=session, primary_id=numbers[host], status=status)

    def _found(self, session: str, user: str) -> tuple[PanelAccount, Mapping[str, str]]:
        try:
            known = self._call("client_get_by_username", session_id=session, username=account_name(user))
        except PermanentError as error:
            raise RefusedError(
                f"{self.name} has no account {user}: {error}", hint="look in ISPConfig: Clients"
            ) from error
        if not isinstance(known, dict):
            raise RefusedError(f"{self.name} has no account {user}", hint="look in ISPConfig: Clients")
        client = self._call("client_get", session_id=session, client_id=text_of(known, "client_id"))
        return self._account(session, _table(client, "client_get"))

    def _account(self, session: str, client: Mapping[str, Any]) -> tuple[PanelAccount, Mapping[str, str]]:
        """An account, and the number of each of its sites."""
        user = text_of(client, "username")
        known = _table(
            self._call("client_get_by_username", session_id=session, username=user), "client_get_by_username"
        )
        number, group = text_of(known, "userid"), text_of(known, "default_group", "groups")
        listed = self._call("client_get_sites_by_user", session_id=session, sys_userid=number, sys_groupid=group)
        entries = tables_of(listed or [], "client_get_sites_by_user")
        sites = tuple(map(_site, entries))
        numbers = {site.host: text_of(entry, "domain_id") for site, entry in zip(sites, entries, strict=True)}
        states = {site.suspended for site in sites}
        account = PanelAccount(
            id=user,
            suspended=states == {True} if None not in states else None,
            sites=sites,
            name=text_of(client, "contact_name"),
            company=text_of(client, "company_name"),
            email=text_of(client, "email"),
            language=text_of(client, "language"),
            country=text_of(client, "country"),
            reseller=text_of(client, "parent_client_id").removeprefix("0"),
            holds_others=text_of(client, "limit_client") not in {"", "0"},
        )
        return account, numbers

    @contextmanager
    def _session(self) -> Iterator[str]:
        session = self._call("login", username=self.user, password=self.password, client_login=False)
        if not isinstance(session, str) or not session:
            raise PermanentError(f"{self.name} refuses our account", hint="System → Remote Users: user and functions")
        try:
            yield session
        finally:
            with suppress(GoodhosterError):
                self._call("logout", session_id=session)

    def _call(self, method: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """What a method answers; errors are told with status 200."""
        answer = self.endpoint.table("POST", f"?{method}", body=arguments)
        if answer.get("code") != "ok":
            said = quotable(text_of(answer, "message"), (self.password, *self.endpoint.secrets))
            raise PermanentError(f"{self.name}: {method}: {said}", hint="has the remote user this function?")
        return answer.get("response")


def _numbers(value: object) -> list[str]:
    entries = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(entries, list):
        raise unreadable("client_get_all")
    return [str(int(entry)) for entry in entries if str(entry).isdigit()]


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise unreadable(where)
    return value


def _site(entry: Mapping[str, Any]) -> PanelSite:
    host, docroot, active = text_of(entry, "domain"), text_of(entry, "document_root"), flag(entry.get("active"))
    where = os.fsencode(f"{docroot}/web") if docroot else None
    return PanelSite(host, where, suspended=None if active is None else not active)
