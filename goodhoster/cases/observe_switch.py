"""Emergency switch: nothing is taken offline any more, whatever [policy] says.

A person sets it. It is a file in the state directory, so that the daemon and every command see it, a restart does not
forget it, and a configuration that is written by a program cannot undo it. Everything goes on being recorded, as in
mode observe.
"""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn

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

        They stop also where the log cannot be written: PermanentError says so.
        """
        since = self.clock()
        try:
            self.audit.append(AuditEvent("mode.observe", {"actor": order.actor, "reason": order.reason}))
        except AuditError as error:
            self._switch_on_unrecorded(error)
        data = {"actor": order.actor, "reason": order.reason, "since": since.isoformat()}
        try:
            replace_durably(self.file, [json.dumps(data).encode("ascii")])
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            self._switch_on_unrecorded(error)

    def _switch_on_unrecorded(self, error: OSError | AuditError) -> NoReturn:
        """Stop all measures by an empty file, which needs no room.

        A switch that cannot be read stops them. PermanentError says what could not be written.
        """
        self.file.touch(mode=0o600)
        sync_directory(self.file.parent)
        message = "all measures are stopped, but who stopped them and why cannot be written"
        hint = "make room on the disk of agent.state_dir, then run the same command again"
        words = error.strerror if isinstance(error, OSError) else error
        raise PermanentError(f"{message}: {words}", hint=hint) from error

    def switch_off(self, order: Order) -> None:
        """Return to what [policy] says; RefusedError when it is off."""
        if not self.file.exists():
            raise RefusedError("measures were not stopped by `goodhoster observe --now`", hint="see: goodhoster status")
        self.audit.append(AuditEvent("mode.configured", {"actor": order.actor, "reason": order.reason}))
        self.file.unlink(missing_ok=True)
        sync_directory(self.file.parent)
