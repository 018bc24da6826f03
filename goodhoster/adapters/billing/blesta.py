"""Blesta, by its API: `/api/{model}/{method}.json`. Its key may do everything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from goodhoster.adapters.counterparts import Endpoint, flag, json_table, quotable, tables_of, text_of, unreadable
from goodhoster.errors import PermanentError, RefusedError
from goodhoster.model.customers.panels import BillingClient, BillingService, PanelAccount, PanelSite, SuspensionTarget

_MOST_PAGES = 20_000
_OK = 200
_SUSPENDED = {"suspended": True, "active": False}
_DATE = re.compile(r"(?!0000)\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class BlestaBilling:
    """See `ports.Billing`. Always with `use_module`: without it only the bill changes."""

    name: str
    endpoint: Endpoint
    proven: str = ""

    def clients(self) -> Iterator[BillingClient]:
        """See `ports.Billing`."""
        for entry in self._pages("clients/getList", status=""):
            number = text_of(entry, "id")
            if not number:
                raise unreadable("Blesta clients/getList")
            services = map(_service, self._pages("services/getList", client_id=number, status="all"))
            yield _client(number, entry, tuple(services))

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        entry = self._call("GET", "services/get", service_id=_number(account_id))
        if not isinstance(entry, dict) or text_of(entry, "id") != account_id:
            raise RefusedError(f"{self.name} has no service {account_id}", hint="look in Blesta: Services")
        service = _service(entry)
        sites = (PanelSite(service.domain),) if service.domain else ()
        return PanelAccount(account_id, service.suspended, sites, name=service.product)

    def suspend(self, target: SuspensionTarget, reason: str) -> None:  # noqa: ARG002 - it takes no free text here
        """See `ports.Suspends`."""
        self._order("services/suspend", target)

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        self._order("services/unsuspend", target)

    def _order(self, method: str, target: SuspensionTarget) -> None:
        if target.host:
            raise RefusedError("Blesta suspends services, not single sites", hint="suspend the site in its panel")
        form = {"service_id": _number(target.account), "vars[use_module]": "true"}
        self._call("POST", method, **form)

    def _pages(self, method: str, **values: str) -> Iterator[Mapping[str, Any]]:
        """Every entry of a list: page after page until one is empty or repeats the one before."""
        before: object = None
        for page in range(1, _MOST_PAGES + 1):
            entries = tables_of(self._call("GET", method, page=str(page), **values), f"Blesta {method}")
            told = [text_of(entry, "id") for entry in entries]
            if not entries or told == before:
                return
            yield from entries
            before = told
        raise unreadable(f"Blesta {method}")

    def _call(self, verb: str, method: str, **values: str) -> Any:  # noqa: ANN401 - JSON
        """What a method answers; errors are told with status 400, or with `errors` beside it."""
        path = f"/api/{method}.json"
        query = "&".join(f"{key}={value}" for key, value in values.items()) if verb == "GET" else ""
        reply = self.endpoint.ask(verb, f"{path}?{query}" if query else path, values if verb == "POST" else None)
        answer = json_table(reply.body, f"Blesta {method}")
        if reply.status != _OK or answer.get("errors"):
            said = quotable(text_of(answer, "message") or json.dumps(answer.get("errors")), self.endpoint.secrets)
            raise PermanentError(f"{self.name}: {method}: {said}", hint="see the log of Blesta")
        if "response" not in answer:
            raise unreadable(f"Blesta {method}")
        return answer["response"]


def _client(number: str, entry: Mapping[str, Any], services: tuple[BillingService, ...]) -> BillingClient:
    created = _DATE.match(text_of(entry, "date_added"))
    return BillingClient(
        id=number,
        name=f"{text_of(entry, 'first_name')} {text_of(entry, 'last_name')}".strip(),
        company=text_of(entry, "company"),
        email=text_of(entry, "email"),
        country=text_of(entry, "country").upper(),
        since=created[0] if created else "",
        active=text_of(entry, "status").lower() != "inactive",
        services=services,
    )


def _service(entry: Mapping[str, Any]) -> BillingService:
    fields = {
        text_of(one, "key"): one for one in tables_of(entry.get("fields"), "Blesta") if not flag(one.get("encrypted"))
    }
    package = entry.get("package")
    known: Mapping[str, Any] = package if isinstance(package, dict) else {}
    domain = next((text_of(one, "value") for key, one in fields.items() if key.endswith("_domain")), "")
    user = next((text_of(one, "value") for key, one in fields.items() if key.endswith("_username")), "")
    return BillingService(
        id=text_of(entry, "id"),
        product=text_of(known, "name") or text_of(entry, "name"),
        domain=domain.lower(),
        user=user,
        suspended=_SUSPENDED.get(text_of(entry, "status").lower()),
    )


def _number(value: str) -> str:
    if not value.isascii() or not value.isdigit():
        raise RefusedError(f"{value!r} is not a number of a service", hint="take the number that Blesta shows")
    return value
