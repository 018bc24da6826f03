"""Settings that every kind of hash source has beside its own.

How far to trust it yet, how long its answers are valid, and who maintains it.
"""

from __future__ import annotations

from dataclasses import dataclass

from goodhoster.settings.values import duration_or_never, mail_address, setting, whole, yes_or_no


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """Keys of every [[hash_source]], whatever its kind."""

    shadow: bool = setting(
        yes_or_no, "Only record in the audit log what this source knows: nothing is held or acted on.", default=False
    )
    percent: int = setting(
        whole(1, 100), "Percentage of contents to ask about, always the same ones; 100 asks about all.", default=100
    )
    remember_yes: float = setting(
        duration_or_never,
        "How long a yes counts before a service is asked again about the same content; it never acts by itself. "
        "Lists on this host are always asked.",
        default=15 * 60.0,
    )
    remember_no: float = setting(
        duration_or_never,
        "The same for a no. A file whose content came onto the service's list within that time of being asked about, "
        "and that is uploaded again within it, is clear like any from before the list grew (see ask_again_after).",
        default=5 * 60.0,
    )
    owner: str | None = setting(
        mail_address,
        "Mail address of whoever keeps this source: is told of each content it knows that is exempt here.",
        default=None,
        example='"lists@hotline.example"',
    )
