"""Rules of alerts: which kinds, quiet hours, repetition. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from goodhoster.model.alerts import Alert, AlertKind


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

    def wants(self, alert: Alert) -> bool:
        """Whether this rule is for such an alert."""
        return alert.kind in self.kinds

    def due_at(self, alert: Alert, moment: datetime) -> datetime:
        """When it may be sent: at that moment, or after the quiet hours."""
        if self.quiet is None or alert.kind.ignores_quiet_hours:
            return moment
        return self.quiet.over_at(moment)
