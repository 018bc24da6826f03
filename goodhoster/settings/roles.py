"""The section about people who use the commands without being root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.settings.values import path, setting, texts


@dataclass(frozen=True, slots=True)
class RolesSettings:
    """[roles]: groups whose members use the commands without root: `goodhoster people serve`."""

    see: tuple[str, ...] = setting(
        texts,
        "Groups whose members may list, show and report. Members of the groups below may do that, too.",
        default=(),
        example='["auditors"]',
    )
    decide: tuple[str, ...] = setting(
        texts,
        "Groups whose members may restore, confirm, dismiss, answer, note and hand on: what an abuse desk does.",
        default=(),
        example='["abuse-desk"]',
    )
    change: tuple[str, ...] = setting(
        texts,
        "Groups whose members may change lists, exemptions, the register of customers, and accounts of doors.",
        default=(),
        example='["abuse-leads"]',
    )
    export: tuple[str, ...] = setting(
        texts,
        "Groups whose members may export what is for others: entries of the log, evidence, reports, what is held of "
        "a customer.",
        default=(),
        example='["auditors"]',
    )
    socket: Path = setting(
        path,
        "Where they ask; the kernel lets only members of these groups connect. The command looks for it at the default "
        "place, or where $GOODHOSTER_PEOPLE_SOCKET says.",
        default=Path("/run/goodhoster-people/people.sock"),
    )

    @property
    def groups(self) -> frozenset[str]:
        """Every group that has a right."""
        return frozenset((*self.see, *self.decide, *self.change, *self.export))
