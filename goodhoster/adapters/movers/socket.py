"""The quarantine through the mover, a separate process, over a socket.

One connection, one order, one answer (`model.moves`).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from goodhoster.errors import BusyError, GoodhosterError, PassingError, QuarantineError, RefusedError
from goodhoster.linux.kernel import reachable
from goodhoster.model.mover_messages import LONGEST_MESSAGE, MoveAnswer, MoveOrder, Outcome, Verb, time_limit
from goodhoster.model.quarantine import Whereabouts
from goodhoster.model.uploads import FileState, Place, Upload

_ERRORS: dict[Outcome, type[GoodhosterError]] = {
    Outcome.REFUSED: RefusedError,
    Outcome.PASSING: BusyError,
    Outcome.FAILED: QuarantineError,
}
_NO_STATE = FileState(0, 0, 0, 0, 0)
_GRACE = 5.0
"""Seconds that the mover has beyond its own limit: it ends itself first."""
_HINT = "the measure waits and is done when the mover is back; see: goodhoster status"


@dataclass(frozen=True, slots=True)
class MoverQuarantine:
    """See `ports.Quarantine`. Threads may share it: the mover processes one order at a time."""

    address: Path

    def take_offline(self, case_id: str, upload: Upload, sha256: bytes) -> str:
        """See `ports.Quarantine`."""
        return self._ask(MoveOrder.about(Verb.TAKE_OFFLINE, case_id, upload, sha256))

    def put_back(self, case_id: str, upload: Upload, *, moved: bool = False) -> None:
        """See `ports.Quarantine`."""
        self._ask(MoveOrder.about(Verb.PUT_BACK_MOVED if moved else Verb.PUT_BACK, case_id, upload))

    def verify_in_place(self, upload: Upload, sha256: bytes) -> None:
        """See `ports.Quarantine`."""
        self._ask(MoveOrder.about(Verb.VERIFY_IN_PLACE, "", upload, sha256))

    def destroy(self, case_id: str, upload: Upload) -> None:
        """See `ports.Quarantine`."""
        self._ask(MoveOrder.about(Verb.DESTROY, case_id, upload))

    def prepare(self, tree: bytes) -> None:
        """See `ports.Quarantine`."""
        self._ask(MoveOrder.about(Verb.PREPARE, "", Upload(Place(tree, b""), "", _NO_STATE)))

    def settle(self, case_id: str, upload: Upload) -> Whereabouts:
        """See `ports.Quarantine`."""
        return Whereabouts(self._ask(MoveOrder.about(Verb.SETTLE, case_id, upload)))

    def greet(self) -> None:
        """Check that the mover is there and takes our orders; PassingError when not."""
        nothing = Upload(Place(b"", b""), "", _NO_STATE)
        self._ask(MoveOrder.about(Verb.GREET, "", nothing))

    def listens(self) -> bool:
        """Return whether a mover takes orders there. Never waits for the order in progress."""
        try:
            self._connected(patience=1.0).close()
        except OSError:
            return False
        return True

    def _connected(self, patience: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        connection.settimeout(patience)
        try:
            with reachable(self.address) as short:
                connection.connect(short)
        except OSError:
            connection.close()
            raise
        return connection

    def _ask(self, order: MoveOrder) -> str:
        try:
            message = order.to_bytes()
        except ValueError as error:
            raise QuarantineError(f"{order.case_id}: the mover cannot be told: {error}") from error
        answer = self._answer(message, time_limit(order.state.size) + _GRACE)
        if answer.outcome is not Outcome.DONE:
            raise _ERRORS[answer.outcome](answer.text, hint=answer.hint)
        return answer.text

    def _answer(self, message: bytes, patience: float) -> MoveAnswer:
        try:
            with self._connected(patience) as connection:
                connection.send(message)
                reply = connection.recv(LONGEST_MESSAGE)
        except OSError as error:
            raise PassingError(f"the mover at {self.address} cannot be reached: {error}", hint=_HINT) from error
        if not reply:
            raise PassingError(f"the mover at {self.address} ended before it answered", hint=_HINT)
        try:
            return MoveAnswer.from_bytes(reply)
        except ValueError as error:
            raise PassingError(f"the mover at {self.address} answers what nobody understands", hint=_HINT) from error
