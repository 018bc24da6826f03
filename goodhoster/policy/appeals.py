"""The time for an appeal and for our decision. Pure."""

from __future__ import annotations

import calendar
from datetime import datetime

from goodhoster.model.customers.house_rules import AppealRules

_MONTHS = 12


def in_time(informed_at: datetime | None, received_at: datetime, rules: AppealRules) -> bool:
    """Whether an appeal comes within its months; who was never informed is never late."""
    return informed_at is None or received_at <= months_after(informed_at, rules.months)


def decision_due(received_at: datetime, rules: AppealRules) -> datetime:
    """The latest moment for our decision."""
    return received_at + rules.decide_within


def months_after(moment: datetime, months: int) -> datetime:
    """The end of the same day so many months later, or of that month's last day."""
    year, month = divmod(moment.year * _MONTHS + moment.month - 1 + months, _MONTHS)
    last = calendar.monthrange(year, month + 1)[1]
    day = moment.replace(year=year, month=month + 1, day=min(moment.day, last))
    return day.replace(hour=23, minute=59, second=59, microsecond=999_999)
