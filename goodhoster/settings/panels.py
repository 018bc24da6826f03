"""Settings that every panel and billing system has beside its own, and [network_block]."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from goodhoster.settings.notices import command
from goodhoster.settings.values import duration, setting, short_name, yes_or_no


def addresses(value: Any) -> tuple[str, ...]:
    """IP addresses."""
    try:
        items: list[Any] = value if isinstance(value, list) else [None]
        return tuple(str(ipaddress.ip_address(item)) for item in items)
    except ValueError as error:
        raise ValueError('a list of IP addresses, such as ["192.0.2.7"]') from error


@dataclass(frozen=True, slots=True)
class PanelSettings:
    """Keys of every [[panel]], whatever its kind."""

    name: str = setting(short_name, "What it is called in commands and in the record.", example='"web1"')
    import_every: float | None = setting(
        duration,
        "How often its accounts and sites are read into the register of customers; absent: only by command.",
        default=None,
        example='"6h"',
    )
    check_sites: bool = setting(
        yes_or_no,
        "After a suspension check the site itself, with and without a query, at addresses in notices.own_networks: "
        "without it only the panel's own answer counts.",
        default=True,
    )
    check_addresses: tuple[str, ...] = setting(
        addresses,
        "Addresses to check, where the names lead to a proxy or a CDN in front.",
        default=(),
        example='["192.0.2.7"]',
    )


@dataclass(frozen=True, slots=True)
class BillingSettings:
    """Keys of every [[billing]], whatever its kind."""

    name: str = setting(short_name, "What it is called in commands and in the record.", example='"billing"')
    import_every: float | None = setting(
        duration,
        "How often its clients and services are read into the register of customers; absent: only by command.",
        default=None,
        example='"6h"',
    )


@dataclass(frozen=True, slots=True)
class NetworkBlockSettings:
    """[network_block]: cuts a customer's own server off, by programs of yours."""

    block: tuple[str, ...] = setting(
        command,
        "Blocks the network that it gets as its last argument.",
        example='["/usr/local/sbin/goodhoster-block", "block"]',
    )
    unblock: tuple[str, ...] = setting(
        command, "Undoes that exactly.", example='["/usr/local/sbin/goodhoster-block", "unblock"]'
    )
    state: tuple[str, ...] = setting(
        command,
        "Ends with 0 where the network is blocked, with 1 where it is not.",
        example='["/usr/local/sbin/goodhoster-block", "state"]',
    )
