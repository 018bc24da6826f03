"""Which checks have a legal basis today: a decision over entries, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from goodhoster.model.customers.legal_basis import ANY, LegalBasis

ENDS_SOON = timedelta(days=30)
"""Before its last day a basis is told as ending."""


@dataclass(frozen=True, slots=True)
class CheckBasis:
    """What one check, of one tree by one source, rests on."""

    tree: str
    source: str
    state: Literal["holds", "ends-soon", "ended", "missing"]
    basis: LegalBasis | None = None


def checks(
    bases: Iterable[LegalBasis], trees: Iterable[str], sources: Iterable[str], today: date
) -> tuple[CheckBasis, ...]:
    """What each check rests on.

    The most specific entry counts, even where it has ended and a wider one has not.
    """
    entries = {(basis.tree, basis.source): basis for basis in bases}
    asked = tuple(sources)
    return tuple(_check(entries, tree, source, today) for tree in trees for source in asked)


def _check(entries: Mapping[tuple[str, str], LegalBasis], tree: str, source: str, today: date) -> CheckBasis:
    wider = ((tree, source), (tree, ANY), (ANY, source), (ANY, ANY))
    basis = next((entries[key] for key in wider if key in entries), None)
    if basis is None:
        return CheckBasis(tree, source, "missing")
    if basis.ended(today):
        return CheckBasis(tree, source, "ended", basis)
    soon = basis.until is not None and today + ENDS_SOON > basis.until
    return CheckBasis(tree, source, "ends-soon" if soon else "holds", basis)
