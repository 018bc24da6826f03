"""What control panels and billing systems say of accounts and their sites."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PanelSite:
    """One site of an account."""

    host: str
    docroot: bytes | None = None
    aliases: tuple[str, ...] = ()
    suspended: bool | None = None
    """None where the panel does not tell it."""


@dataclass(frozen=True, slots=True)
class PanelAccount:
    """One account of a panel, or one service of a billing system."""

    id: str
    """As the panel calls it: the user, or the number of the service."""
    suspended: bool | None
    """None where the panel's answer has no certain meaning."""
    sites: tuple[PanelSite, ...] = ()
    name: str = ""
    company: str = ""
    email: str = ""
    language: str = ""
    country: str = ""
    reseller: str = ""
    """The account above it; empty for the hoster's own."""
    holds_others: bool = False
    """A suspension would take other customers along: a reseller's or administrator's account."""
    unsure: str = ""
    """Why it may have more sites than these: it is told, and no site of it ends."""

    def site(self, host: str) -> PanelSite | None:
        """The site with that host among its names; None when there is none."""
        return next((site for site in self.sites if host in {site.host, *site.aliases}), None)


@dataclass(frozen=True, slots=True)
class SuspensionTarget:
    """What is suspended: an account, or one of its sites."""

    account: str
    host: str = ""
    """Empty: the whole account."""

    def __str__(self) -> str:
        return f"site {self.host} of account {self.account}" if self.host else f"account {self.account}"


@dataclass(frozen=True, slots=True)
class BillingClient:
    """One client of a billing system; of what it answers no more is kept than this."""

    id: str
    name: str
    company: str = ""
    email: str = ""
    phone: str = ""
    country: str = ""
    language: str = ""
    since: str = ""
    """The day, as ISO 8601; empty where unknown."""
    active: bool = True
    services: tuple[BillingService, ...] = ()


@dataclass(frozen=True, slots=True)
class BillingService:
    """One service that a client has."""

    id: str
    product: str = ""
    server: str = ""
    domain: str = ""
    user: str = ""
    """The account on the server."""
    addresses: tuple[str, ...] = ()
    """IP addresses that belong to it alone."""
    suspended: bool | None = None
