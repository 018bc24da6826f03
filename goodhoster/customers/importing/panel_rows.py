"""Rows of the register from what panels and billing systems list."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from goodhoster.customers.importing.rows import ListReport, ListRow
from goodhoster.customers.importing.vocabulary import ID
from goodhoster.model.customers.panels import BillingClient, PanelAccount, PanelSite


def panel_rows(name: str, accounts: Iterable[PanelAccount], report: ListReport) -> Iterator[ListRow]:
    """A row for each account; what `accounts` raises ends the import: nothing is changed."""
    for number, account in enumerate(accounts, 1):
        if account.unsure:
            report.warnings.append(f"account {account.id}: {account.unsure}: no site of it ends")
            report.kept.add(account.id)
        fields = {
            ID: account.id,
            "name": account.company or account.name,
            "email": account.email,
            "language": _two_letter_code(account.language),
            "country": _two_letter_code(account.country),
            "reseller": account.reseller,
            "status": "suspended" if account.suspended else "active",
            "external_ids": {name: account.id},
            "sites": [_site(account.id, site) for site in account.sites],
        }
        yield ListRow(number, fields)


def billing_rows(name: str, clients: Iterable[BillingClient]) -> Iterator[ListRow]:
    """A row for each client, as `panel_rows`; its id is the system's name with the number."""
    for number, client in enumerate(clients, 1):
        services = [
            {
                "id": service.id,
                "server": service.server,
                "product": service.product,
                "networks": list(service.addresses),
            }
            for service in client.services
        ]
        fields = {
            ID: f"{name}-{client.id}",
            "name": client.company or client.name,
            "kind": "company" if client.company else "",
            "email": client.email,
            "language": _two_letter_code(client.language),
            "country": _two_letter_code(client.country),
            "since": client.since,
            "status": "active" if client.active else "ended",
            "external_ids": {name: client.id},
            "services": services,
        }
        yield ListRow(number, fields)


def _site(user: str, site: PanelSite) -> dict[str, Any]:
    docroot = os.fsdecode(site.docroot) if site.docroot else ""
    return {"host": site.host, "aliases": list(site.aliases), "docroot": docroot, "user": user}


def _two_letter_code(code: str) -> str:
    """A language or country of two letters; else empty, which rejects no customer."""
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""  # noqa: PLR2004 - two letters
