"""DirectAdmin, by its HTTP interface. It suspends accounts, not single sites.

Some versions switch to and fro whatever the order says: so the state is read before each order, and nothing is ordered
where it is as it should be already.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from goodhoster.adapters.counterparts import Endpoint, account_name, flag, json_table, quotable, text_of, unreadable
from goodhoster.errors import PermanentError, RefusedError
from goodhoster.model.customers.panels import PanelAccount, PanelSite, SuspensionTarget

_ORDINARY = "user"


@dataclass(frozen=True, slots=True)
class DirectAdminPanel:
    """See `ports.Panel`."""

    name: str
    endpoint: Endpoint
    proven: str = ""

    def accounts(self) -> Iterator[PanelAccount]:
        """See `ports.Panel`."""
        for user in self._listed("/CMD_API_SHOW_ALL_USERS?json=yes"):
            yield self.account(user)

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        user = account_name(account_id)
        entry = self._config(user)
        sites = [_site(user, host) for host in self._listed(f"/CMD_API_SHOW_USER_DOMAINS?user={quote(user)}&json=yes")]
        creator = text_of(entry, "creator")
        return PanelAccount(
            id=user,
            suspended=flag(entry.get("suspended")),
            sites=tuple(sites),
            name=text_of(entry, "name") or user,
            email=text_of(entry, "email"),
            language=text_of(entry, "language"),
            reseller=creator if creator not in {user, "admin"} else "",
            holds_others=text_of(entry, "usertype") != _ORDINARY,
        )

    def suspend(self, target: SuspensionTarget, reason: str) -> None:  # noqa: ARG002 - it takes reasons of its own list
        """See `ports.Suspends`."""
        self._order(target, suspended=True)

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        self._order(target, suspended=False)

    def _order(self, target: SuspensionTarget, *, suspended: bool) -> None:
        if target.host:
            hint = f"suspend the account {target.account}, or block the address"
            raise RefusedError("DirectAdmin suspends accounts, not single sites", hint=hint)
        user = account_name(target.account)
        if flag(self._config(user).get("suspended")) is suspended:
            return
        form = {"location": "CMD_SELECT_USERS", "suspend": "Suspend" if suspended else "Unsuspend", "select0": user}
        self._answer("POST", "/CMD_API_SELECT_USERS?json=yes", form)

    def _config(self, user: str) -> Mapping[str, Any]:
        entry = self._answer("GET", f"/CMD_API_SHOW_USER_CONFIG?user={quote(user)}&json=yes")
        if flag(entry.get("suspended")) is None:
            raise unreadable("CMD_API_SHOW_USER_CONFIG")
        return entry

    def _listed(self, path: str) -> list[str]:
        """A list of names, as `{"list": [...]}`, as a JSON list or as `list[]=…&list[]=…`."""
        where = path.partition("?")[0]
        raw = self.endpoint.ask("GET", path).body
        if raw.lstrip()[:1] == b"[":
            raw = b'{"list": ' + raw + b"}"
        if raw.lstrip()[:1] != b"{":
            pairs = _pairs(raw)
            self._expect_no_error(dict(pairs), where)
            if pairs and any(key != "list[]" for key, _ in pairs):
                raise unreadable(where)
            return [value for _, value in pairs]
        answer = json_table(raw, where)
        self._expect_no_error(answer, where)
        found = answer.get("list", answer)
        if not isinstance(found, (list, dict)) or not all(isinstance(name, str) for name in found):
            raise unreadable(where)
        return list(found)

    def _answer(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """An answer as JSON or, from older versions, as a form; an error is told with status 200."""
        where = path.partition("?")[0]
        raw = self.endpoint.ask(method, path, form).body
        answer = json_table(raw, where) if raw.lstrip()[:1] == b"{" else dict(_pairs(raw))
        self._expect_no_error(answer, where)
        if not answer:
            raise unreadable(where)
        return answer

    def _expect_no_error(self, answer: Mapping[str, Any], where: str) -> None:
        error = answer.get("error")
        if error is None or flag(error) is False:
            return
        parts = (text_of(answer, key) for key in ("text", "result", "details"))
        said = ": ".join(filter(None, parts)) or (error if isinstance(error, str) else "")
        hint = "look in the panel itself"
        if "not exist" in said.lower():
            raise RefusedError(f"{self.name}: {where}: {quotable(said, self.endpoint.secrets)}", hint=hint)
        raise PermanentError(f"{self.name}: {where}: {quotable(said, self.endpoint.secrets)}", hint=hint)


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    """A form; PermanentError for what is none, such as a page."""
    text = raw.decode("utf-8", "replace").strip()
    if "<" in text or (text and "=" not in text):
        raise unreadable("DirectAdmin")
    return parse_qsl(text, keep_blank_values=True, max_num_fields=100_000)


def _site(user: str, host: str) -> PanelSite:
    return PanelSite(host, os.fsencode(f"/home/{user}/domains/{host}/public_html"))
