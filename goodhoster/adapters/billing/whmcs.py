"""WHMCS, by its API: a form to `includes/api.php`.

Its lists carry passwords and security answers: of each entry only the fields that are used are kept. Its success says
nothing of the server.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from goodhoster.adapters.counterparts import Endpoint, one_line, quotable, tables_of, text_of, unreadable
from goodhoster.errors import PermanentError, RefusedError
from goodhoster.model.customers.panels import BillingClient, BillingService, PanelAccount, PanelSite, SuspensionTarget

_PAGE = 100
_MOST_PAGES = 20_000
_PART = re.compile(r"\[([^\[\]]*)\]")
_SUSPENDED = {"suspended": True, "active": False, "pending": False}
_DATE = re.compile(r"(?!0000)\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class WhmcsBilling:
    """See `ports.Billing`."""

    name: str
    endpoint: Endpoint
    identifier: str
    secret: str = field(repr=False)
    access_key: str = field(default="", repr=False)
    proven: str = ""

    def clients(self) -> Iterator[BillingClient]:
        """See `ports.Billing`."""
        services: dict[str, list[BillingService]] = {}
        for entry in self._pages("GetClientsProducts", "products", "product"):
            services.setdefault(text_of(entry, "clientid", "userid"), []).append(_service(entry))
        for entry in self._pages("GetClients", "clients", "client", orderby="id"):
            number = text_of(entry, "id")
            if not number:
                raise unreadable("WHMCS GetClients")
            yield _client(number, entry, tuple(services.get(number, ())))

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        number = _number(account_id)
        answer = self._call("GetClientsProducts", serviceid=number)
        for entry in _listed(answer, "products", "product"):
            if text_of(entry, "id") == number:
                service = _service(entry)
                sites = (PanelSite(service.domain),) if service.domain else ()
                return PanelAccount(number, service.suspended, sites, name=service.product)
        raise RefusedError(f"{self.name} has no service {number}", hint="look in WHMCS: Products/Services")

    def suspend(self, target: SuspensionTarget, reason: str) -> None:
        """See `ports.Suspends`."""
        self._order("ModuleSuspend", target, suspendreason=one_line(reason))

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        self._order("ModuleUnsuspend", target)

    def _order(self, action: str, target: SuspensionTarget, **more: str) -> None:
        if target.host:
            raise RefusedError("WHMCS suspends services, not single sites", hint="suspend the site in its panel")
        number = _number(target.account)
        self._call(action, accountid=number, serviceid=number, **more)  # its name before and since version 8

    def _pages(self, action: str, outer: str, inner: str, **more: str) -> Iterator[Mapping[str, Any]]:
        """Every entry of a list. PermanentError where the answers do not lead to its end."""
        start = 0
        for _ in range(_MOST_PAGES):
            answer = self._call(action, limitstart=str(start), limitnum=str(_PAGE), **more)
            entries, total = _listed(answer, outer, inner), text_of(answer, "totalresults")
            if not total.isdigit():
                raise unreadable(f"WHMCS {action}")
            yield from entries
            start += len(entries)
            if start >= int(total):
                return
            if not entries:
                hint = "was it changed meanwhile? Try again"
                raise PermanentError(f"{self.name}: {action} returned {start} of {total} entries", hint=hint)
        raise unreadable(f"WHMCS {action}")

    def _call(self, action: str, **more: str) -> Mapping[str, Any]:
        form = {"identifier": self.identifier, "secret": self.secret, "action": action, "responsetype": "json", **more}
        if self.access_key:
            form["accesskey"] = self.access_key
        answer = unflattened(self.endpoint.table("POST", "/includes/api.php", form))
        result = text_of(answer, "result")
        if result == "success":
            return answer
        if result != "error":
            raise unreadable(f"WHMCS {action}")
        why = quotable(text_of(answer, "message"), (self.secret, self.access_key))
        raise PermanentError(f"{self.name}: {action}: {why}", hint="see the Activity Log of WHMCS")


def unflattened(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """A table whose keys may be flattened (`clients[client][0][id]`), as nested tables."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        parts = [key.partition("[")[0], *_PART.findall(key)] if key.endswith("]") and "[" in key else [key]
        at = found
        for part in parts[:-1]:
            deeper = at.setdefault(part, {})
            if not isinstance(deeper, dict):
                raise unreadable("WHMCS")
            at = deeper
        at[parts[-1]] = value
    return found


def _listed(answer: Mapping[str, Any], outer: str, inner: str) -> list[Mapping[str, Any]]:
    within = answer.get(outer)
    if within in ("", None, [], {}):
        return []
    if not isinstance(within, dict):
        raise unreadable("WHMCS")
    return tables_of(within.get(inner), "WHMCS")


def _client(number: str, entry: Mapping[str, Any], services: tuple[BillingService, ...]) -> BillingClient:
    created = _DATE.match(text_of(entry, "datecreated"))
    return BillingClient(
        id=number,
        name=f"{_plain(entry, 'firstname')} {_plain(entry, 'lastname')}".strip(),
        company=_plain(entry, "companyname"),
        email=_plain(entry, "email"),
        since=created[0] if created else "",
        active=text_of(entry, "status").lower() != "closed",
        services=services,
    )


def _service(entry: Mapping[str, Any]) -> BillingService:
    addresses = (text_of(entry, "dedicatedip"), *text_of(entry, "assignedips").split())
    return BillingService(
        id=text_of(entry, "id"),
        product=_plain(entry, "name", "productname"),
        server=_plain(entry, "serverhostname", "servername"),
        domain=_plain(entry, "domain").lower(),
        user=_plain(entry, "username"),
        addresses=tuple(address for address in addresses if address),
        suspended=_SUSPENDED.get(text_of(entry, "status").lower()),
    )


def _plain(entry: Mapping[str, Any], *keys: str) -> str:
    """A text; WHMCS encodes it as HTML."""
    return html.unescape(text_of(entry, *keys))


def _number(value: str) -> str:
    if not value.isascii() or not value.isdigit():
        raise RefusedError(f"{value!r} is not a number of a service", hint="take the number that WHMCS shows")
    return value
