"""FOSSBilling, by its administrator's API. Many errors are answered with status 200.

Its lists may carry an `api_token` and numbers of identity papers: only the fields that are used are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from goodhoster.adapters.counterparts import Endpoint, one_line, quotable, tables_of, text_of, unreadable
from goodhoster.errors import PermanentError, RefusedError
from goodhoster.model.customers.panels import BillingClient, BillingService, PanelAccount, PanelSite, SuspensionTarget

_PAGE = 100
_MOST_PAGES = 20_000
_SUSPENDED = {"suspended": True, "active": False}
_DATE = re.compile(r"(?!0000)\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class FossBilling:
    """See `ports.Billing`. Never `order/update`, which writes a word and does nothing."""

    name: str
    endpoint: Endpoint
    proven: str = ""

    def clients(self) -> Iterator[BillingClient]:
        """See `ports.Billing`."""
        services: dict[str, list[BillingService]] = {}
        for entry in self._pages("order/get_list"):
            services.setdefault(text_of(entry, "client_id"), []).append(_service(entry))
        for entry in self._pages("client/get_list"):
            number = text_of(entry, "id")
            if not number:
                raise unreadable("FOSSBilling client/get_list")
            yield _client(number, entry, tuple(services.get(number, ())))

    def account(self, account_id: str) -> PanelAccount:
        """See `ports.Suspends`."""
        entry = self._call("order/get", id=_number(account_id))
        if not isinstance(entry, dict) or text_of(entry, "id") != account_id:
            raise unreadable("FOSSBilling order/get")
        service = _service(entry)
        sites = (PanelSite(service.domain),) if service.domain else ()
        return PanelAccount(account_id, service.suspended, sites, name=service.product)

    def suspend(self, target: SuspensionTarget, reason: str) -> None:
        """See `ports.Suspends`."""
        self._call("order/suspend", id=_whole(target), reason=one_line(reason))

    def unsuspend(self, target: SuspensionTarget) -> None:
        """See `ports.Suspends`."""
        self._call("order/unsuspend", id=_whole(target))

    def _pages(self, method: str) -> Iterator[Mapping[str, Any]]:
        """Every entry of a list. PermanentError where the pages do not add up to what they say."""
        told = 0
        for page in range(1, _MOST_PAGES + 1):
            answer = self._call(method, page=str(page), per_page=str(_PAGE))
            if not isinstance(answer, dict) or not text_of(answer, "total").isdigit():
                raise unreadable(f"FOSSBilling {method}")
            entries = tables_of(answer.get("list"), f"FOSSBilling {method}")
            yield from entries
            told += len(entries)
            if told >= int(text_of(answer, "total")):
                return
            if not entries:
                hint = "was it changed meanwhile? Try again"
                raise PermanentError(f"{self.name}: {method} returned {told} of {answer['total']} entries", hint=hint)
        raise unreadable(f"FOSSBilling {method}")

    def _call(self, method: str, **values: str) -> Any:  # noqa: ANN401 - JSON
        answer = self.endpoint.table("POST", f"/api/admin/{method}", body=values)
        error = answer.get("error")
        if error is None and "result" in answer:
            return answer["result"]
        if not isinstance(error, dict):
            raise unreadable(f"FOSSBilling {method}")
        why = quotable(text_of(error, "message"), self.endpoint.secrets)
        if "not found" in why.lower():
            raise RefusedError(f"{self.name}: {method}: {why}", hint="look in FOSSBilling: Orders")
        raise PermanentError(f"{self.name}: {method}: {why}", hint="see the log of FOSSBilling")


def _client(number: str, entry: Mapping[str, Any], services: tuple[BillingService, ...]) -> BillingClient:
    created = _DATE.match(text_of(entry, "created_at"))
    phone = f"{text_of(entry, 'phone_cc')}{text_of(entry, 'phone')}"
    return BillingClient(
        id=number,
        name=f"{text_of(entry, 'first_name')} {text_of(entry, 'last_name')}".strip(),
        company=text_of(entry, "company"),
        email=text_of(entry, "email"),
        phone=f"+{phone}" if phone and text_of(entry, "phone_cc") else phone,
        country=text_of(entry, "country").upper(),
        language=text_of(entry, "lang")[:2].lower(),
        since=created[0] if created else "",
        active=text_of(entry, "status").lower() != "canceled",
        services=services,
    )


def _service(entry: Mapping[str, Any]) -> BillingService:
    config = entry.get("config")
    said: Mapping[str, Any] = config if isinstance(config, dict) else {}
    domain = f"{text_of(said, 'sld')}{text_of(said, 'tld')}" or text_of(said, "domain")
    return BillingService(
        id=text_of(entry, "id"),
        product=text_of(entry, "title"),
        domain=domain.lower(),
        suspended=_SUSPENDED.get(text_of(entry, "status").lower()),
    )


def _whole(target: SuspensionTarget) -> str:
    if target.host:
        raise RefusedError("FOSSBilling suspends orders, not single sites", hint="suspend the site in its panel")
    return _number(target.account)


def _number(value: str) -> str:
    if not value.isascii() or not value.isdigit():
        raise RefusedError(f"{value!r} is not a number of an order", hint="take the number that FOSSBilling shows")
    return value
