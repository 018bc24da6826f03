"""The choice of the process that takes files offline and puts them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goodhoster.ports import Mover, Quarantine
    from goodhoster.settings import Settings
    from goodhoster.uploads.trees import Tree


def mover_of(settings: Settings) -> Mover:
    """The quarantine as operated by the mover: while there is none, measures wait."""
    from goodhoster.adapters.movers.socket import MoverQuarantine

    return MoverQuarantine(settings.mover_socket)


def mover_or_here(settings: Settings, trees: tuple[Tree, ...]) -> Quarantine:
    """The mover's quarantine while a mover listens, else that of this very process."""
    from goodhoster.adapters.movers.fallback import MoverOrHere
    from goodhoster.evidence.quarantine.procedure import LocalQuarantine

    here = LocalQuarantine(tuple(tree.root for tree in trees), settings.evidence.destroy_quarantined_after)
    return MoverOrHere(mover_of(settings), here)
