"""Checks of control panels, billing systems and the network block.

Is each asked with success, and was its adapter ever tried? Nothing is suspended: only lists are read.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator

from goodhoster.assembly.panel_services import billing_systems, network_block, panels
from goodhoster.errors import GoodhosterError
from goodhoster.ports.panels import Suspends
from goodhoster.settings import Settings
from goodhoster_agent.doctor.finding import DoctorFinding

_EXPERIMENTAL = (
    "its adapter was never tried against the real program: look yourself after each suspension, "
    "and tell us what you saw (docs/how-to-panels.md)"
)


def panel_findings(settings: Settings) -> Iterator[DoctorFinding]:
    """The findings about everything that suspends."""
    own = bool(settings.notices.own_networks)
    for panel, table in zip(panels(settings), settings.panels, strict=True):
        yield _listing_finding(f"panel {panel.name}", panel, panel.accounts, "accounts")
        if table.common.check_sites and not own:
            hint = "set notices.own_networks: without it only the panel's own answer counts after a suspension"
            yield DoctorFinding(f"panel {panel.name}", ok=False, detail="its sites are not checked", hint=hint)
    for billing in billing_systems(settings):
        yield _listing_finding(f"billing {billing.name}", billing, billing.clients, "clients")
    if (block := network_block(settings)) is not None:
        yield from _programs(block.block, block.unblock, block.state)


def _listing_finding(what: str, adapter: Suspends, listing: Callable[[], Iterable[object]], of: str) -> DoctorFinding:
    """Whether it answers a list that is not empty, and whether its adapter is proven."""
    try:
        number = sum(1 for _ in listing())
    except GoodhosterError as error:
        return DoctorFinding(what, ok=False, detail=str(error), hint=error.hint)
    detail = f"{number:,} {of}" + ("" if adapter.proven else ", experimental")
    if number == 0:
        return DoctorFinding(what, ok=False, detail=detail, hint="has our account the right to see them?")
    return DoctorFinding(what, ok=bool(adapter.proven), detail=detail, hint="" if adapter.proven else _EXPERIMENTAL)


def _programs(*programs: tuple[str, ...]) -> Iterator[DoctorFinding]:
    for program in programs:
        if shutil.which(program[0]) is None:
            hint = "see [network_block]"
            yield DoctorFinding("network block", ok=False, detail=f"{program[0]} is not a program here", hint=hint)
            return
    yield DoctorFinding("network block", ok=True, detail="its programs are there")
