"""The section about how long what piles up is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from goodhoster.settings.values import duration_or_never, setting

_DAY = 86_400.0
_YEAR = 365 * _DAY


def kept_at_least(days: int) -> Callable[[Any], float]:
    """A time span of at least so many days, or 0."""

    def read(value: Any) -> float:
        takes = f'a time of at least "{days}d", such as "{max(days, 365)}d", or 0 for never'
        try:
            found = duration_or_never(value)
        except ValueError as error:
            raise ValueError(takes) from error
        if 0 < found < days * _DAY:
            raise ValueError(takes)
        return found

    return read


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """[retention]: after how long what nobody needs any more is deleted; 0: never.

    Whatever these say, the audit log, cases, and notices that are not settled are never deleted.
    """

    raw_notices: float = setting(
        kept_at_least(30),
        "Raw messages of notices that are settled, counted from their receipt. They prove what was reported, which "
        "courts and complaints ask about for some years; what was read of them stays.",
        default=2 * _YEAR,
    )
    letters: float = setting(
        kept_at_least(365),
        "Letters that were sent, and those to strangers that were refused. They prove that a customer was told, who "
        "may object for six months or more. Other refused letters wait for a person.",
        default=2 * _YEAR,
    )
    seen_mails: float = setting(
        kept_at_least(365),
        "Fingerprints of signed mails that were believed. A copy that comes after their deletion is believed once "
        "more, where its key is still published: so this is long.",
        default=10 * _YEAR,
    )
    storms: float = setting(
        kept_at_least(60),
        "Storms that a person released, and the matches by time that the brake compares a source with; it looks back "
        "a month.",
        default=2 * _YEAR,
    )
    alerts: float = setting(
        kept_at_least(7), "Alerts that were delivered or given up; the journal has them, too.", default=90 * _DAY
    )
    casework: float = setting(
        kept_at_least(30),
        "Notes that people wrote on cases and notices, and who worked on them; counted from when that was.",
        default=2 * _YEAR,
    )
    counters: float = setting(
        kept_at_least(400),
        "Answers by day at the doors, and usage by week of the hash service: reports compare with the year before.",
        default=5 * _YEAR,
    )
    contacts: float = setting(
        kept_at_least(400),
        "What customers' contacts were asked and did not answer or answered, where they were asked again since; never "
        "less than contacts.valid_for.",
        default=3 * _YEAR,
    )
    register: float = setting(
        kept_at_least(90),
        "Imports into the register, except each origin's last, and sites that left it: notices about an older address "
        "find its customer that long.",
        default=3 * _YEAR,
    )
    timestamps: float = setting(
        kept_at_least(7),
        "After this one timestamp a day and authority stays of those for the audit log's checkpoints; each vouches "
        "for all before it.",
        default=90 * _DAY,
    )
