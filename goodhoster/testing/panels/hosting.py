"""The state behind every stand-in: accounts with sites, and ways to misbehave."""

from __future__ import annotations

from dataclasses import dataclass, field

MADE_UP_PASSWORD = "made-up-Zq7"  # noqa: S105 - of a stand-in; must never be seen in a message
"""Stands wherever the vendor's output has a password or a token."""


@dataclass(slots=True)
class FakeSite:
    """A site, and whether it is suspended by itself or with its account."""

    host: str
    docroot: str
    suspended: bool = False


@dataclass(slots=True)
class FakeAccount:
    """An account with its sites."""

    user: str
    name: str
    sites: list[FakeSite]
    email: str = ""
    suspended: bool = False
    reseller: bool = False


@dataclass(slots=True)
class FakeHosting:
    """A server with accounts; may be changed at any time."""

    accounts: list[FakeAccount] = field(default_factory=list)
    does_nothing: bool = False
    """Says ok to orders, and does nothing."""
    orders: list[str] = field(default_factory=list)
    """What was ordered, in words."""

    def account(self, user: str) -> FakeAccount | None:
        """The account of that user."""
        return next((one for one in self.accounts if one.user == user), None)

    def site(self, host: str) -> FakeSite | None:
        """The site of that host."""
        return next((site for one in self.accounts for site in one.sites if site.host == host), None)

    def switch(self, user: str, *, suspended: bool) -> None:
        """Suspend or unsuspend an account as panels do: every site goes along, both ways."""
        self.orders.append(f"{'suspend' if suspended else 'unsuspend'} {user}")
        account = self.account(user)
        if account is not None and not self.does_nothing:
            account.suspended = suspended
            for site in account.sites:
                site.suspended = suspended

    def switch_site(self, host: str, *, suspended: bool) -> None:
        """Suspend or unsuspend one site."""
        self.orders.append(f"{'suspend' if suspended else 'unsuspend'} {host}")
        site = self.site(host)
        if site is not None and not self.does_nothing:
            site.suspended = suspended


def made_up_hosting() -> FakeHosting:
    """Two accounts: anna with two sites and a name that breaks careless JSON, and bob with one."""
    anna = FakeAccount("anna", 'Anna "A." Example', [], "anna@mail.example")
    anna.sites = [FakeSite("anna.example", "/home/anna/www"), FakeSite("shop.anna.example", "/home/anna/shop")]
    return FakeHosting(
        [anna, FakeAccount("bob", "Bob", [FakeSite("bob.example", "/home/bob/www")], "bob@mail.example")]
    )
