"""The part of the composition that knows control panels, billing systems and suspensions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from goodhoster.adapters.panels.network import NetworkBlock
from goodhoster.adapters.site_checks.http import Reach
from goodhoster.adapters.site_checks.snapshots import HttpSnapshots
from goodhoster.assembly.lazy import LazyParts, lazy
from goodhoster.customers.importing.importer import ImportResult, RegisterImportOrder
from goodhoster.customers.importing.panel_rows import billing_rows, panel_rows
from goodhoster.customers.importing.rows import ListReport
from goodhoster.customers.suspension.desk import SuspensionDesk, SuspensionParts
from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.linux.programs import Run, run_here
from goodhoster.ports.common import utc_now
from goodhoster.ports.panels import Billing, Panel, SiteSnapshots, Suspends, SuspensionStore
from goodhoster.settings import Settings, installed_kinds, read_plugged

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services

NETWORK = "network"
"""The name of [network_block] among the panels."""


class PanelServices(LazyParts):
    """Everything about panels, billing systems and suspensions, for the daemon and the commands."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._settings = services.settings

    def make_all(self) -> None:
        """Make every part where a panel is configured: an agent without one makes none."""
        if self._settings.suspends:
            super().make_all()

    @lazy
    def panels(self) -> Mapping[str, Panel]:
        """Every [[panel]] by its name."""
        return {panel.name: panel for panel in panels(self._settings, self._services.run)}

    @lazy
    def billing(self) -> Mapping[str, Billing]:
        """Every [[billing]] by its name."""
        return {billing.name: billing for billing in billing_systems(self._settings)}

    @lazy
    def suspending(self) -> Mapping[str, Suspends]:
        """Whatever suspends, by its name: panels, billing systems and the network."""
        block = network_block(self._settings, self._services.run)
        found: list[Suspends] = [*self.panels.values(), *self.billing.values(), *([block] if block else [])]
        names = [one.name for one in found]
        for name in names:
            if names.count(name) > 1:
                hint = f"give each [[panel]] and [[billing]] its own name; {NETWORK} is that of [network_block]"
                raise ConfigurationError(f"two panels, billing systems or blocks are called {name}", hint=hint)
        return {one.name: one for one in found}

    @lazy
    def store(self) -> SuspensionStore:
        """The record of suspensions."""
        return self._services.customers.suspensions

    @lazy
    def desk(self) -> SuspensionDesk:
        """The desk that suspends and lifts."""
        services = self._services
        parts = SuspensionParts(
            panels=self.suspending,
            store=self.store,
            audit=services.audit,
            pager=services.pager,
            clock=utc_now,
            locks=services.state_dir / "suspension-locks",
            snapshots=self._snapshots(),
        )
        return SuspensionDesk(parts)

    def import_from(self, name: str, order: RegisterImportOrder) -> ImportResult:
        """Import what a panel or billing system lists, under its own name, as all there is of it.

        PassingError or PermanentError when not all could be read: nothing was changed then.
        """
        report = ListReport(unit="entry")
        if name in self.panels:
            rows = panel_rows(name, self.panels[name].accounts(), report)
        elif name in self.billing:
            rows = billing_rows(name, self.billing[name].clients())
        else:
            known = ", ".join([*self.panels, *self.billing]) or "none is configured"
            raise RefusedError(f"there is no [[panel]] or [[billing]] called {name}", hint=f"known are: {known}")
        importer = self._services.customers.importer
        whole = replace(order, origin=name, replace=True)
        return importer.import_rows(rows, whole, report, name=name)

    def _snapshots(self) -> Mapping[str, SiteSnapshots]:
        """Snapshots of sites, by panel; none without own networks."""
        own = self._settings.notices.own_networks
        found: dict[str, SiteSnapshots] = {}
        for table in self._settings.panels if own else ():
            if table.common.check_sites:
                at = tuple(map(ipaddress.ip_address, table.common.check_addresses))
                found[table.common.name] = HttpSnapshots(Reach(own), at)
        return found


def panels(settings: Settings, run: Run = run_here) -> Iterator[Panel]:
    """Every [[panel]]; ConfigurationError where one cannot be made. A program is run by `run`."""
    kinds = installed_kinds("goodhoster.panels")
    for table in settings.panels:
        yield read_plugged(table, kinds).build(table.common.name, run)


def billing_systems(settings: Settings) -> Iterator[Billing]:
    """Every [[billing]]; ConfigurationError where one cannot be made."""
    kinds = installed_kinds("goodhoster.billing")
    for table in settings.billing:
        yield read_plugged(table, kinds).build(table.common.name)


def network_block(settings: Settings, run: Run = run_here) -> NetworkBlock | None:
    """What blocks networks; None where nothing is configured."""
    section = settings.network_block
    if section is None:
        return None
    own = settings.notices.own_networks
    return NetworkBlock(section.block, section.unblock, section.state, own, run, NETWORK)


def panel_commands(settings: Settings) -> Iterator[tuple[tuple[str, ...], int]]:
    """The programs that panels and the network block run, with the number of arguments added."""
    kinds = installed_kinds("goodhoster.panels") if settings.panels else {}
    for table in settings.panels:
        yield from read_plugged(table, kinds).commands()
    if section := settings.network_block:
        yield from ((section.block, 1), (section.unblock, 1), (section.state, 1))
