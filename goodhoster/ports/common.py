"""Ports that every part may need: the clock, the audit log and the pager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

from goodhoster.model.alerts import AlertKind
from goodhoster.model.audit import AuditEntry, AuditEvent, AuditFinding, AuditMark


class Clock(Protocol):
    """The current time; tests bring their own."""

    def __call__(self) -> datetime:
        """The present moment, aware, UTC."""


def utc_now() -> datetime:
    """The system's clock: the `Clock` of everything that runs."""
    return datetime.now(UTC)


class AuditLog(Protocol):
    """The append-only record of what was intended and what was done.

    Several processes may write to one log.
    """

    def append(self, event: AuditEvent) -> AuditEntry:
        """Add an entry; returns after it is durable on disk.

        Raises AuditError and then nothing may be acted on.
        """

    def append_all(self, events: Sequence[AuditEvent]) -> Sequence[AuditEntry]:
        """Add several in this order, which costs hardly more than one.

        A crash may leave only the first of them.
        """

    def entries(self) -> Iterator[AuditEntry]:
        """All entries, oldest first. Raises AuditError at the first line that is not an entry."""

    def verify(self, marks: Sequence[AuditMark] = (), at_least: int = 0) -> AuditFinding:
        """Read the whole log and check that every entry is complete and bound to the one before.

        Never raises for bad content: that is the finding.

        Also checks that the log begins as it stood at the `marks`, and has `at_least` so many entries: a log
        that was removed together with everything that refers to it is not accepted as complete by a caller who
        knows how long it was.
        """


class GrowingLog(AuditLog, Protocol):
    """An audit log that can be read on from where one stopped."""

    def entries_from(self, position: int) -> Iterator[tuple[AuditEntry, int]]:
        """The durable entries behind that byte, each with the position behind it.

        Raises as `entries`.
        """

    def durable_size(self) -> int:
        """The bytes of the entries that nothing can undo any more."""


class Pager(Protocol):
    """Alerts a person on call."""

    def page(self, subject: str, text: str, kind: AlertKind = AlertKind.ALARM, about: str = "") -> None:
        """Send an alert; returns when the message was handed over.

        `subject` is one line without addresses of material. The same kind, `about` and subject are one event: it is
        told once.

        PassingError when it was not: it is tried again.
        """
