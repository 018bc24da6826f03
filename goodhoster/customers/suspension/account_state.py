"""What a panel says of an account: what is suspended, and what is not as before (pure)."""

from __future__ import annotations

from goodhoster.model.customers.panels import PanelAccount, SuspensionTarget
from goodhoster.model.customers.suspensions import PageSeen, StateBefore, Suspension

_SITES_LOOKED_AT = 5
"""Of an account with many."""


def is_suspended(account: PanelAccount, target: SuspensionTarget) -> bool | None:
    """Whether the panel says that a target is suspended; None where it does not tell."""
    if not target.host:
        return account.suspended
    site = account.site(target.host)
    if site is None:
        return None
    return True if account.suspended else site.suspended


def state_before(account: PanelAccount, pages: tuple[PageSeen, ...]) -> StateBefore:
    """What is suspended now, before an order is carried out."""
    hosts = tuple(site.host for site in account.sites if site.suspended)
    return StateBefore(account.suspended is True, hosts, pages)


def hosts_to_look_at(account: PanelAccount, target: SuspensionTarget) -> tuple[str, ...]:
    """The site itself, or some of the account's; no wildcards, and none that is off already."""
    if target.host:
        return (target.host,)
    hosts = [site.host for site in account.sites if not site.suspended and "*" not in site.host]
    return tuple(hosts[:_SITES_LOOKED_AT])


def difference_from_before(account: PanelAccount, suspension: Suspension) -> str:
    """Differences from the state before; empty when there are none.

    Sites that are new or gone since do not count.
    """
    target, before = suspension.target, suspension.before
    if not target.host and account.suspended is not before.account:
        return f"the panel says that account {account.id} is {'not ' * before.account}suspended"
    for site in account.sites:
        if target.host in {"", site.host} and site.suspended is not None and not before.account:
            should = site.host in before.hosts
            if site.suspended is not should:
                return (
                    f"the panel says that {site.host} is {'not ' * should}suspended, and it was before"
                    if should
                    else (f"the panel says that {site.host} is suspended still")
                )
    return ""
