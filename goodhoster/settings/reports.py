"""The section about reports: what no program can know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.settings.values import path, setting


@dataclass(frozen=True, slots=True)
class ReportsSettings:
    """[reports]: proofs and people for the reports."""

    proofs: Path | None = setting(
        path,
        "TOML file with what no program can know: contributions, memberships, agreements, people, answers.",
        default=None,
        example='"proofs.toml"',
    )
