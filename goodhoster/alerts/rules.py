"""Rules of alerts: which kinds, quiet hours, repetition. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from goodhoster.model.alerts import Alert, AlertKind, SentAlert

_NAMED = 50
"""Alerts that a summary names."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A span of local time, such as 22:00 to 07:00."""

    begin: time
    end: time

    def over_at(self, moment: datetime, zone: tzinfo | None = None) -> datetime:
        """The moment itself, or the end of the quiet hours that it falls into.

        `zone`: whose time of day counts; None is the system's.
        """
        local = moment.astimezone(zone)
        clock = local.time().replace(tzinfo=None)
        over_midnight = self.end <= self.begin
        after_begin = clock >= self.begin
        quiet = after_begin or clock < self.end if over_midnight else after_begin and clock < self.end
        if not quiet:
            return moment
        day = local.date() + timedelta(days=over_midnight and after_begin)
        ends = datetime.combine(day, self.end)
        return ends.replace(tzinfo=zone).astimezone(moment.tzinfo) if zone else ends.astimezone(moment.tzinfo)


@dataclass(frozen=True, slots=True)
class AlertRule:
    """What one [[alert]] says; its receiver is kept apart."""

    name: str
    kinds: frozenset[AlertKind]
    repeat: timedelta | None = None
    """Sent again so long after it was accepted, while it lasts."""
    quiet: QuietHours | None = None
    per_hour: int = 30
    """Messages; what is more is summed up in the last of them."""

    def wants(self, alert: Alert) -> bool:
        """Whether this rule is for such an alert."""
        return alert.kind in self.kinds

    def due_at(self, alert: Alert, moment: datetime) -> datetime:
        """When it may be sent: at that moment, or after the quiet hours."""
        if self.quiet is None or alert.kind.ignores_quiet_hours:
            return moment
        return self.quiet.over_at(moment)

    def room(self, sent: Sequence[SentAlert]) -> int:
        """Number of messages it may still get, after those of the last hour.

        Those that never wait do not count.
        """
        return self.per_hour - len({each.message for each in sent if not each.alert.kind.ignores_quiet_hours})

    @staticmethod
    def may_be_summed_up(alert: Alert, sent: Sequence[SentAlert]) -> bool:
        """Whether it is one of many.

        Never a deadline, nor an alarm of which there was none within the hour.
        """
        if alert.kind.ignores_quiet_hours:
            return False
        known = {_without_counts(each.alert.subject) for each in sent}
        return alert.kind is not AlertKind.ALARM or _without_counts(alert.subject) in known


def sum_up(alerts: Sequence[Alert]) -> Alert:
    """One alert that names all of them."""
    first, count = alerts[0], len(alerts)
    kind = AlertKind.ALARM if any(alert.kind is AlertKind.ALARM for alert in alerts) else first.kind
    named = [
        f"{alert.raised_at.isoformat(timespec='seconds')} {alert.kind}: {alert.subject}" for alert in alerts[:_NAMED]
    ]
    more = [f"and {count - _NAMED} more"] if count > _NAMED else []
    text = "\n".join(
        ["More alerts came than this rule takes in an hour.", *named, *more, "See: goodhoster alerts list", ""]
    )
    subject = f"goodhoster: {count} alerts summed up: goodhoster alerts list"
    return Alert(f"summed-up:{first.key}", kind, "", subject, text, first.raised_at)


def _without_counts(subject: str) -> str:
    return re.sub(r"\d[\d,.]*", "#", subject)
