"""The sections about proof: the audit log and who vouches for it."""

from __future__ import annotations

from dataclasses import dataclass

from goodhoster.settings.values import setting, text


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """[audit]: the audit log and its checkpoints."""

    origin: str | None = setting(
        text,
        "The log's name in its checkpoints, set once before the first: an address without https://, and no blanks."
        " Absent: the host's name with /goodhoster.",
        default=None,
        example='"log.example.net/goodhoster"',
    )
