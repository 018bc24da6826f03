"""The legal bases of all checks of this host, and warnings about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goodhoster.model.customers.legal_basis import DOORS
from goodhoster.model.uploads import display
from goodhoster.policy.legal_basis import CheckBasis, checks
from goodhoster.ports.common import utc_now

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services


def check_bases(services: Services) -> tuple[CheckBasis, ...]:
    """The legal basis of each check; no register is made where there is none."""
    from goodhoster.assembly.sources import source_names  # noqa: PLC0415 - see `options`

    sources = source_names(services.settings)
    if services.customers.in_use:
        return services.customers.legal_bases.checks(checked_trees(services), sources)
    return checks((), map(display, checked_trees(services)), sources, utc_now().date())


def checked_trees(services: Services) -> list[bytes]:
    """The trees whose files are checked, and the doors where there are any."""
    trees = [tree.root for tree in services.trees]
    settings = services.settings
    has_doors = settings.clamd_doors or settings.icap_doors or settings.api.socket or settings.api.listen
    return [*trees, DOORS.encode()] if has_doors else trees


def basis_problems(services: Services) -> tuple[list[str], list[str]]:
    """The checks that are stopped, and warnings; opens no source where there is no register."""
    if not services.customers.in_use:
        return [], ["none is recorded for any check (goodhoster customers legal-basis list)"]
    found = check_bases(services)
    return ended_in_words(found), warnings_in_words(found)


def ended_in_words(checks: Sequence[CheckBasis]) -> list[str]:
    """A line for each check that is stopped."""
    return [
        f"{_unchecked_part(check.tree)} is checked by {check.source}: the legal basis ended on {check.basis.until} "
        "(goodhoster customers legal-basis set)"
        for check in checks
        if check.state == "ended" and check.basis
    ]


def _unchecked_part(tree: str) -> str:
    return "nothing that applications ask about at the doors" if tree == DOORS else f"no file of {tree}"


def warnings_in_words(checks: Sequence[CheckBasis]) -> list[str]:
    """Warnings: checks without a basis, and those whose basis ends soon."""
    missing = sum(check.state == "missing" for check in checks)
    told = [f"{missing} of {len(checks)} checks have none (goodhoster customers legal-basis list)"] if missing else []
    return told + [
        f"that of {check.tree} by {check.source} ends after {check.basis.until}"
        for check in checks
        if check.state == "ends-soon" and check.basis
    ]
