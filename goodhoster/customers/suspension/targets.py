"""Resolution of what a person names to what a panel suspends."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from goodhoster.customers.register import Register
from goodhoster.errors import RefusedError
from goodhoster.model.customers.panels import SuspensionTarget


@dataclass(frozen=True, slots=True)
class FoundTarget:
    """One thing that may be suspended, and whose it is."""

    panel: str
    target: SuspensionTarget
    customer: str = ""


def target_of(named: str, register: Register, panels: Collection[str], panel: str | None = None) -> FoundTarget:
    """The one target that is meant.

    A site by its host, a customer by its id, else an account of `panel` itself. RefusedError where there is none, or
    where several could be meant.
    """
    found = _by_site(named, register, panels) or _by_customer(named, register, panels)
    if panel is not None:
        found = [one for one in found if one.panel == panel] or [FoundTarget(panel, SuspensionTarget(named))]
    if len(found) == 1:
        return found[0]
    if found:
        told = "; ".join(f"{one.target} on {one.panel}" for one in found)
        raise RefusedError(f"{named} may be several: {told}", hint="name the panel: --panel")
    hint = "name its account and panel: goodhoster customers suspend ACCOUNT --panel NAME; or import first"
    raise RefusedError(f"no panel is known that {named} is on", hint=hint)


def _by_site(named: str, register: Register, panels: Collection[str]) -> list[FoundTarget]:
    if "." not in named:
        return []
    return [
        FoundTarget(site.origin, SuspensionTarget(site.user, site.host), site.customer)
        for site in register.sites_named(named)
        if site.origin in panels and site.user and named in site.names
    ]


def _by_customer(named: str, register: Register, panels: Collection[str]) -> list[FoundTarget]:
    try:
        customer = register.store.get(register.resolve(named))
    except RefusedError:
        return []
    numbers = customer.external_ids
    known = (
        (name, numbers.get(name.lower(), "")) for name in panels
    )  # the register has names of systems in lower case
    return [FoundTarget(name, SuspensionTarget(number), customer.id) for name, number in known if number]
