"""The section about reports: what no program can know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodhoster.settings.values import mail_address, path, setting


def mail_addresses(value: Any) -> tuple[str, ...]:
    """Mail addresses."""
    try:
        return tuple(map(mail_address, value if isinstance(value, list) else (None,)))
    except ValueError as error:
        raise ValueError('a list of mail addresses, such as ["management@hoster.example"]') from error


@dataclass(frozen=True, slots=True)
class ReportsSettings:
    """[reports]: proofs and people for the reports, and who gets them."""

    proofs: Path | None = setting(
        path,
        "TOML file with what no program can know: contributions, memberships, agreements, people, answers.",
        default=None,
        example='"proofs.toml"',
    )
    monthly_to: tuple[str, ...] = setting(
        mail_addresses,
        "Mail addresses that get the figures of a month when it is over.",
        default=(),
        example='["management@hoster.example"]',
    )
