"""Emergency switch: nothing is taken offline any more, whatever [policy] says.

A person sets it. It is a file in the state directory, so that the daemon and every command see it, a restart does not
forget it, and a configuration that is written by a program cannot undo it. Everything goes on being recorded, as in
mode observe.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from goodhoster.errors import AuditError, PermanentError, RefusedError
from goodhoster.linux.durable_files import replace_durably, sync_directory
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Order
from goodhoster.ports import AuditLog, Clock

FILE = "observe.json"
"""Its name in the state directory."""


@dataclass(frozen=True, slots=True)
class SwitchedOn:
    """Person who switched it on, the reason, and the time."""

    order: Order
    since: datetime


@dataclass(frozen=True, slots=True)
class ObserveSwitch:
    """Switch shared by processes: the file is replaced as a whole."""

    file: Path
    audit: AuditLog
    clock: Clock

    def state(self) -> SwitchedOn | None:
        """State of the switch; None while it is off. PermanentError when the file cannot be read."""
        try:
            data = json.loads(self.file.read_bytes())
            order = Order(str(data["actor"]), str(data["reason"]))
            return SwitchedOn(order, datetime.fromisoformat(data["since"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            hint = "run again: goodhoster observe --now, or --end"
            raise PermanentError(f"the switch {self.file} cannot be read: {error}", hint=hint) from error

    def stops_measures(self) -> bool:
        """Whether it is on, or that cannot be told. Then nothing is taken offline either."""
        return bool(self.problem()) or self.state() is not None

    def problem(self) -> str:
        """Reason why it cannot be read; empty when it can."""
        try:
            self.state()
        except PermanentError as error:
            return f"ALARM: {error}; {error.hint}"
        return ""

    def switch_on(self, order: Order) -> None:
        """Stop all measures. May be repeated: the later order counts.

        They stop also where that cannot be recorded, or who ordered it cannot be written: PermanentError says so, and
        whether they are stopped.
        """
        order_data = {"actor": order.actor, "reason": order.reason}
        problems = []
        try:
            self.audit.append(AuditEvent("mode.observe", order_data))
        except AuditError as error:
            problems.append(str(error))
        data = order_data | {"since": self.clock().isoformat()}
        try:
            replace_durably(self.file, [json.dumps(data).encode("ascii")])
        except OSError as error:
            problems.append(f"who ordered it and why cannot be written to {self.file}: {error.strerror}")
            self._make_empty()
        if problems:
            hint = (
                "mend that, such as by making room on the disk; then run the same command again, so that it is recorded"
            )
            raise PermanentError(f"all measures are stopped, but {'; '.join(problems)}", hint=hint)

    def _make_empty(self) -> None:
        """Stop all measures by an empty file, which needs no room.

        A switch that cannot be read stops them.
        """
        try:
            self.file.touch(mode=0o600)
            sync_directory(self.file.parent)
        except OSError as error:
            message = f"MEASURES ARE NOT STOPPED: the switch {self.file} cannot be written: {error.strerror}"
            raise PermanentError(message, hint="stop the service instead: systemctl stop goodhoster") from error

    def switch_off(self, order: Order) -> None:
        """Return to what [policy] says; RefusedError when it is off."""
        if not self.file.exists():
            raise RefusedError("measures were not stopped by `goodhoster observe --now`", hint="see: goodhoster status")
        self.audit.append(AuditEvent("mode.configured", {"actor": order.actor, "reason": order.reason}))
        self.file.unlink(missing_ok=True)
        sync_directory(self.file.parent)
