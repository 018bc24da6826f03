"""An audit log whose disk is full when an entry of one kind is to be written: the next after a deed, for example."""

from collections.abc import Sequence
from pathlib import Path

from goodhoster.audit.log import FileAuditLog
from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditEntry, AuditEvent


class LogFullAt(FileAuditLog):
    """Writes everything but `kind`, and that too once there is room."""

    def __init__(self, file: Path, kind: str) -> None:
        super().__init__(file)
        self.kind, self.room = kind, False

    def append_all(self, events: Sequence[AuditEvent]) -> list[AuditEntry]:
        """See `FileAuditLog`."""
        if not self.room and any(event.kind == self.kind for event in events):
            raise AuditError("the audit log cannot be written: No space left on device", hint="make room")
        return super().append_all(events)
